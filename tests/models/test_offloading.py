"""Activations that wait elsewhere: the same gradients, and weights that stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.errors import CollmError
from collm.models.checkpointing import checkpointed
from collm.models.config import Sampling
from collm.models.offloading import check_offloading, offloaded
from collm.models.teacher_forcing import score
from tests.agents.models import open_model
from tests.tiny_agents import MakeAgent

SAMPLES = [((3, 4, 5, 6), (7, 8, 9)), ((3, 4, 5, 6), (10, 11)), ((20, 21), (22, 23, 24))]


@pytest.fixture(scope="module")
def model(qwen3: Path) -> Any:
    return open_model(qwen3)


def gradients(model: Any, elsewhere: bool, again: bool, least: int = 0) -> list[Tensor]:
    with offloaded(model, elsewhere, least=least), checkpointed(model, again):
        (batch,) = score(model, SAMPLES, Sampling(), 0, 10**6)
    batch.logprobs.sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    return found


@pytest.mark.parametrize("again", [False, True], ids=["plain", "checkpointing"])
def test_gradients_are_the_same_bit_for_bit(model: Any, again: bool) -> None:
    here, there = (gradients(model, elsewhere, again) for elsewhere in (False, True))
    assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))


@pytest.fixture
def travelled(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What has been copied elsewhere."""
    found: list[Tensor] = []

    def noted(tensor: Tensor, home: torch.device) -> Tensor:
        found.append(tensor)
        return tensor.clone()

    monkeypatch.setattr("collm.models.offloading._copied", noted)
    return found


def test_activations_travel_and_weights_stay(model: Any, travelled: list[Tensor]) -> None:
    gradients(model, True, False)
    own = {weight.data_ptr() for weight in model.parameters()}
    assert len(travelled) > 20
    assert not own & {one.untyped_storage().data_ptr() for one in travelled}


def test_beside_checkpointing_little_travels(model: Any, travelled: list[Tensor]) -> None:
    gradients(model, True, False)
    everything = sum(one.nbytes for one in travelled)
    travelled.clear()
    gradients(model, True, True)
    assert 0 < sum(one.nbytes for one in travelled) < 0.5 * everything


def test_small_tensors_stay(model: Any, travelled: list[Tensor]) -> None:
    gradients(model, True, False, least=2**30)
    assert not travelled


def test_nothing_is_gained_on_a_cpu(model: Any, make_agent: MakeAgent) -> None:
    with pytest.raises(CollmError, match=r"agents\.one\.activation_offload: the model runs on the CPU"):
        check_offloading(model, "agents.one")
    with pytest.raises(CollmError, match=r"agents\.one\.activation_offload"):
        make_agent(activation_offload=True)
