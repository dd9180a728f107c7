"""An adapter's frozen weights in 4 bits."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from collm.base.validation import validated
from collm.errors import AbsentError, CollmError
from collm.models.backbone import Backbones
from collm.models.config import AdapterConfig, ModelConfig, Sampling
from collm.models.teacher_forcing import forward_cost, score

SAMPLES = [((3, 4, 5, 6), (7, 8, 9)), ((20, 21), (22, 23, 24))]
INSTALLED = importlib.util.find_spec("bitsandbytes") is not None
needs_kernels = pytest.mark.skipif(not INSTALLED, reason="bitsandbytes is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough for blocks of 64."""
    found = tmp_path_factory.mktemp("wide")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=64,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        intermediate_size=256,
    )
    Qwen3ForCausalLM(config).save_pretrained(found)
    return found


def config(folder: Path, **settings: Any) -> ModelConfig:
    values = {"model": str(folder), "device": "cpu", "adapter": {"r": 4}, "quantization": "nf4", **settings}
    return validated(ModelConfig, values, "agent")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"adapter": None}, "quantization is for frozen weights"),
        ({"device": "mps"}, "no kernels for mps"),
        ({"quantization": "int2"}, r"agent\.quantization"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(CollmError, match=told):
        config(folder, **settings)


@pytest.mark.skipif(INSTALLED, reason="bitsandbytes is installed")
def test_without_its_package_the_command_that_installs_it_is_named(folder: Path) -> None:
    with pytest.raises(AbsentError, match=r"agents\.a\.quantization: .*collm\[quantization\]"):
        Backbones().base(config(folder), "agents.a")


def logprobs(handle: Any) -> torch.Tensor:
    with handle.model() as model:
        return torch.cat([one.logprobs for one in score(model, SAMPLES, Sampling(), 0, 10**6)])


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_on_4_bits_learns_and_its_base_stays(folder: Path, dtype: str) -> None:
    bases, settings = Backbones(), config(folder, dtype=dtype)
    base, one = bases.base(settings, "one"), bases.adapter(settings, "one", AdapterConfig(r=4), seed=0)
    with torch.no_grad():
        before = logprobs(base)
        torch.testing.assert_close(logprobs(one), before)
    with one.model() as model:
        frozen = {name: p.clone() for name, p in model.named_parameters() if ".adapter_" not in name}
        assert any(value.dtype == torch.uint8 for value in frozen.values())
        score_sum = torch.cat([b.logprobs for b in score(model, SAMPLES, Sampling(), 0, 10**6)]).sum()
        score_sum.backward()
    with torch.no_grad():
        for parameter in one.parameters():
            assert parameter.dtype == torch.float32
            assert parameter.grad is not None
            parameter.add_(0.1 * parameter.grad)
        assert logprobs(one).sum() > before.sum()
        assert torch.equal(logprobs(base), before)
    with one.model() as model:
        after = {name: p for name, p in model.named_parameters() if ".adapter_" not in name}
        assert all(torch.equal(value, after[name]) for name, value in frozen.items())


@needs_kernels
def test_rounded_and_whole_weights_are_not_shared(folder: Path) -> None:
    bases = Backbones()
    with bases.base(config(folder), "one").model() as rounded, torch.no_grad():
        small = rounded.get_memory_footprint()
        cost = forward_cost(rounded)
    with bases.base(config(folder, quantization=None), "one").model() as whole:
        assert small < 0.5 * whole.get_memory_footprint()
        assert forward_cost(whole) == cost


@needs_kernels
def test_a_saved_adapter_opens_on_4_bits_again(folder: Path, tmp_path: Path) -> None:
    settings = config(folder)
    one = Backbones().adapter(settings, "one", AdapterConfig(r=4), seed=0)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.normal_(std=0.05)
        one.save(tmp_path)
        expected = logprobs(one)
        other = Backbones().adapter(settings, "one", AdapterConfig(r=4), seed=1)
        other.load(tmp_path)
        assert torch.equal(logprobs(other), expected)
