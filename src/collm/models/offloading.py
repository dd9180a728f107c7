"""Activations that wait for the backward pass in the host's memory instead of the device's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from collm.errors import CollmError
from collm.models.checkpointing import checkpointed
from collm.models.config import ModelConfig

_HOST = torch.device("cpu")
_LEAST = 2**20
"""Tensors of fewer bytes stay: they weigh nothing, and crossing the bus has a price of its own."""


@contextmanager
def offloaded(model: Any, enabled: bool, home: torch.device = _HOST, least: int = _LEAST) -> Iterator[None]:
    """Forward passes inside leave elsewhere what their backward passes need; numbers stay the same.

    Weights stay where they are: they live through the step anyway. Beside checkpointing only the inputs of
    layers travel.

    Args:
        model: whose weights those are.
        enabled: whether to.
        home: where activations wait.
        least: bytes of the smallest tensor that travels.
    """
    if not enabled:
        yield
        return
    own = {weight.untyped_storage()._cdata for weight in (*model.parameters(), *model.buffers())}

    def leave(tensor: Tensor) -> tuple[torch.device, Tensor]:
        if tensor.nbytes < least or tensor.untyped_storage()._cdata in own:
            return tensor.device, tensor
        return tensor.device, _copied(tensor, home)

    def fetch(left: tuple[torch.device, Tensor]) -> Tensor:
        device, tensor = left
        return tensor.to(device, non_blocking=True)

    with saved_tensors_hooks(leave, fetch):
        yield


def _copied(tensor: Tensor, home: torch.device) -> Tensor:
    """A copy elsewhere; from a GPU into pinned memory, so that nobody waits: its stream keeps the order."""
    pinned = tensor.device.type == "cuda" and home.type == "cpu"
    copy = torch.empty_like(tensor, device=home, pin_memory=pinned)
    return copy.copy_(tensor, non_blocking=pinned)


@contextmanager
def remembering(model: Any, config: ModelConfig) -> Iterator[None]:
    """Forward passes inside keep for their backward passes what the configuration says, where it says."""
    with (
        offloaded(model, config.activation_offload),
        checkpointed(model, config.gradient_checkpointing),
    ):
        yield


def check_offloading(model: Any, where: str) -> None:
    """Test that the setting does something.

    Raises:
        CollmError: if the model is in the host's memory itself.
    """
    if model.device.type == "cpu":
        problem = "the model runs on the CPU, where activations lie in the host's memory already."
        raise CollmError(f"{where}.activation_offload", problem, "leave it false, or name a GPU as device.")
