"""Tensors of which every process has a part, as tensors of one process, and back.

The parts are torch's ``DTensor``; whatever else comes by is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn


def is_spread(tensor: Any) -> bool:
    """Whether this process has only a part of it."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Any) -> Tensor:
    """All of a tensor. Of one that is spread, every process must ask for it."""
    full: Tensor = tensor.full_tensor() if is_spread(tensor) else tensor
    return full


def part(tensor: Any) -> Tensor:
    """What this process has of a tensor."""
    own: Tensor = tensor.to_local() if is_spread(tensor) else tensor
    return own


def place(tensor: Any) -> tuple[int, ...]:
    """Which part of a tensor this process has; nothing of one that is not spread."""
    return tuple(tensor.device_mesh.get_coordinate()) if is_spread(tensor) else ()


def whole_state(state: Mapping[str, Any], kept: bool) -> dict[str, Any]:
    """An optimizer's state with all of its moments, in the host's memory where they were spread.

    Args:
        state: as ``state_dict`` of an optimizer gives it.
        kept: whether this process has a use for it; else it only hands in its parts.
    """
    moments: dict[int, dict[str, Any]] = {}
    for number, own in state["state"].items():
        full = {name: whole(value).cpu() if is_spread(value) else value for name, value in own.items()}
        if kept:
            moments[number] = full
    return {**state, "state": moments}


def spread_as(parameters: Sequence[nn.Parameter], state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state of one process, cut up as the parameters are, in their order."""
    if not any(is_spread(parameter) for parameter in parameters):
        return state
    moments = {
        number: {name: _cut_as(parameters[number], value) for name, value in own.items()}
        for number, own in state["state"].items()
    }
    return {**state, "state": moments}


def _cut_as(parameter: Any, value: Any) -> Any:
    """A moment as its parameter is spread; all processes have all of it, so nothing is sent."""
    if not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    there = value.to(parameter.device)
    return distribute_tensor(there, parameter.device_mesh, parameter.placements, src_data_rank=None)
