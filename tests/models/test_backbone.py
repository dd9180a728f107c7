from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collm.errors import CollmError
from collm.models.adapters import export_merged
from collm.models.backbone import AdapterWeights, Backbones, Handle
from collm.models.config import AdapterConfig, ModelConfig, Optimization
from collm.models.families import trunk
from collm.models.loading import load_causal_model
from collm.models.optimizer import Optimizer
from tests.agents.models import open_model

IDS = torch.tensor([[5, 6, 7, 8, 9]])
KINDS = [AdapterConfig(r=4), AdapterConfig(r=4, use_rslora=True), AdapterConfig(r=4, use_dora=True)]
ONE = AdapterConfig(r=4)


@pytest.fixture
def config(qwen3: Path) -> ModelConfig:
    return ModelConfig(model=str(qwen3), device="cpu")


def logits(handle: Handle) -> Tensor:
    with handle.model() as model, torch.no_grad():
        found: Tensor = model(input_ids=IDS).logits
    return found


def learn(handle: Handle, optimizer: Optimizer) -> None:
    with handle.model() as model:
        model(input_ids=IDS).logits.logsumexp(-1).sum().backward()
    optimizer.step(0, 1)


def optimizer_of(handle: Handle) -> Optimizer:
    return Optimizer(handle.parameters(), Optimization(learning_rate=0.01))


def storages(tensors: Any) -> dict[int, int]:
    """Bytes of each storage that tensors lie in."""
    return {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}


def test_two_agents_a_critic_and_a_reference_hold_the_base_once(config: ModelConfig) -> None:
    bases = Backbones()
    handles: list[Handle] = [bases.adapter(config, name, ONE, seed) for seed, name in enumerate("abc")]
    critic_head = nn.Linear(32, 1)
    handles.append(bases.base(config, "reference"))
    found: dict[int, int] = {}
    for handle in handles:
        with handle.model() as model:
            found |= storages(model.parameters())
            assert critic_head(trunk(model)(input_ids=IDS).last_hidden_state).shape == (1, 5, 1)
    plain = sum(storages(open_model(Path(config.model)).parameters()).values())
    own = sum(p.nbytes for handle in handles for p in handle.parameters())
    assert sum(found.values()) == plain + own
    assert own < plain


def test_other_types_of_numbers_are_another_backbone(config: ModelConfig) -> None:
    bases = Backbones()
    half = config.model_copy(update={"dtype": "bfloat16"})
    with bases.base(config, "a").model() as one, bases.base(half, "b").model() as other:
        assert (one.dtype, other.dtype) == (torch.float32, torch.bfloat16)
    with bases.base(config, "c").model() as again:
        assert again is one


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_new_adapter_is_the_base_bit_for_bit(config: ModelConfig, kind: AdapterConfig, dtype: str) -> None:
    config = config.model_copy(update={"dtype": dtype})
    with torch.no_grad():
        plain = load_causal_model(config, "plain")(input_ids=IDS).logits
    bases = Backbones()
    adapter = bases.adapter(config, "one", kind, 1)
    assert torch.equal(logits(adapter), plain)
    learn(adapter, optimizer_of(adapter))
    assert not torch.equal(logits(adapter), plain)
    assert torch.equal(logits(bases.base(config, "reference")), plain)


def test_a_step_of_one_leaves_all_others_bit_for_bit(config: ModelConfig) -> None:
    bases = Backbones()
    one, other = (bases.adapter(config, name, ONE, seed) for seed, name in enumerate("ab"))
    learn(other, optimizer_of(other))
    base, before = logits(bases.base(config, "base")), logits(other)
    own = [p.clone() for p in other.parameters()]
    optimizer = optimizer_of(one)
    for _ in range(3):
        learn(one, optimizer)
    assert torch.equal(logits(other), before)
    assert all(map(torch.equal, own, other.parameters()))
    assert torch.equal(logits(bases.base(config, "base")), base)
    assert all(p.grad is None for p in other.parameters())


def test_a_reference_may_be_asked_in_the_midst_of_a_step(config: ModelConfig) -> None:
    def gradients(asks: bool) -> list[Tensor]:
        bases = Backbones()
        one, reference = bases.adapter(config, "one", ONE, 1), bases.base(config, "reference")
        with one.model() as model:
            value = model(input_ids=IDS).logits.logsumexp(-1).sum()
            if asks:
                logits(reference)
            value.backward()
        found = [p.grad for p in one.parameters() if p.grad is not None]
        assert any(bool(g.any()) for g in found)
        return found

    assert all(map(torch.equal, gradients(True), gradients(False)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_adapter_goes_on_bit_for_bit(
    config: ModelConfig, kind: AdapterConfig, tmp_path: Path
) -> None:
    def start(seed: int) -> tuple[AdapterWeights, Optimizer]:
        bases = Backbones()
        bases.adapter(config, "stranger", ONE, 7)
        handle = bases.adapter(config, "one", kind, seed)
        return handle, optimizer_of(handle)

    first, optimizer = start(1)
    for _ in range(2):
        learn(first, optimizer)
    first.save(tmp_path / "adapter")
    optimizer.save(tmp_path / "optimizer.pt")
    learn(first, optimizer)
    second, optimizer = start(2)
    second.load(tmp_path / "adapter")
    optimizer.load(tmp_path / "optimizer.pt")
    learn(second, optimizer)
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert torch.equal(logits(first), logits(second))


def test_a_saved_adapter_is_a_plain_peft_folder(config: ModelConfig, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    handle = Backbones().adapter(config, "one", ONE, 1)
    learn(handle, optimizer_of(handle))
    handle.save(tmp_path)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (settings["r"], settings["peft_type"]) == (4, "LORA")
    assert not (tmp_path / "model.safetensors").exists()
    opened = peft.PeftModel.from_pretrained(open_model(Path(config.model)), str(tmp_path))
    with torch.no_grad():
        assert torch.equal(opened(input_ids=IDS).logits, logits(handle))


def test_a_merged_model_says_the_same_without_peft(config: ModelConfig, tmp_path: Path) -> None:
    handle = Backbones().adapter(config, "one", ONE, 1)
    learn(handle, optimizer_of(handle))
    handle.save(tmp_path / "adapter")
    export_merged(config, tmp_path / "adapter", tmp_path / "merged", "one")
    with torch.no_grad():
        found = open_model(tmp_path / "merged")(input_ids=IDS).logits
    torch.testing.assert_close(found, logits(handle), rtol=1e-4, atol=1e-4)
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_the_seed_draws_the_adapter_and_nothing_else(config: ModelConfig) -> None:
    torch.manual_seed(3)
    one, same, other = (list(Backbones().adapter(config, "x", ONE, s).parameters()) for s in (1, 1, 2))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert all(map(torch.equal, one, same))
    assert not all(map(torch.equal, one, other))


def test_full_weights_are_saved_and_loaded_bit_for_bit(config: ModelConfig, tmp_path: Path) -> None:
    bases = Backbones()
    one, other = bases.full(config, "a"), bases.full(config, "b")
    learn(one, optimizer_of(one))
    assert not torch.equal(logits(one), logits(other))
    one.save(tmp_path)
    other.load(tmp_path)
    assert all(map(torch.equal, one.parameters(), other.parameters()))
    assert not set(storages(one.parameters())) & set(storages(other.parameters()))


def test_names_of_layers_that_are_not_there_are_refused(config: ModelConfig) -> None:
    with pytest.raises(CollmError, match=r"agents\.one\.adapter\.target_modules.*nowhere"):
        Backbones().adapter(config, "agents.one", AdapterConfig(target_modules=("nowhere",)), 1)


def test_an_adapter_of_another_shape_or_none_is_refused(config: ModelConfig, tmp_path: Path) -> None:
    bases = Backbones()
    small, large = bases.adapter(config, "a", ONE, 1), bases.adapter(config, "b", AdapterConfig(r=8), 1)
    small.save(tmp_path / "small")
    with pytest.raises(CollmError, match="another shape"):
        large.load(tmp_path / "small")
    with pytest.raises(CollmError, match="holds no adapter"):
        large.load(tmp_path)
