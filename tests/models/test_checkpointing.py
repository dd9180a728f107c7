from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, Qwen3Config, Qwen3ForCausalLM

from collm.errors import CollmError
from collm.models.checkpointing import check_checkpointing, checkpointed
from tests.agents.models import gradients

IDS = torch.arange(40)[None]


@pytest.fixture(params=["qwen3", "gpt2"])
def model(request: pytest.FixtureRequest) -> Any:
    """Of both, GPT-2 has dropout in its layers' own code."""
    torch.manual_seed(0)
    if request.param == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=3, n_head=2)).eval()
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16}
    return Qwen3ForCausalLM(
        Qwen3Config(vocab_size=50, num_hidden_layers=3, intermediate_size=64, **sizes)
    ).eval()


def loss(model: Any, wanted: bool) -> Tensor:
    with checkpointed(model, wanted):
        value: Tensor = model(input_ids=IDS, use_cache=False).logits.logsumexp(-1).sum()
    return value


def kept(model: Any, wanted: bool) -> int:
    """Bytes that a forward pass keeps for its backward pass, without the weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _alive = loss(model, wanted)
    return sum(found.values())


def test_gradients_are_the_same_to_the_last_bit(model: Any) -> None:
    plain, again = gradients(model, loss(model, False)), gradients(model, loss(model, True))
    assert plain.keys() == again.keys()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_less_is_kept(model: Any) -> None:
    assert kept(model, True) < 0.5 * kept(model, False)


def test_afterwards_the_model_is_as_before(model: Any) -> None:
    before = kept(model, False)
    loss(model, True)
    assert kept(model, False) == before
    assert not model.training


def test_a_family_without_such_layers_is_refused() -> None:
    nothing = torch.nn.Linear(2, 2)
    nothing.config = GPT2Config()
    with pytest.raises(CollmError, match=r"critic\.gradient_checkpointing: .* no layers"):
        check_checkpointing(nothing, "critic")
