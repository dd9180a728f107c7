"""How much arithmetic passes of a model are, and how many bytes a step moves: counted, not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from collm.models.checkpointing import checkpointed
from collm.models.config import Optimization
from collm.models.optimizer import Optimizer
from collm.report.simulation import DEPTHS, Shape, at_depth, layers_of, losses_of, simulated

_ATEN = torch.ops.aten
_ON_CPU: Mapping[Any, Any] = {
    _ATEN._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        _ATEN._scaled_dot_product_flash_attention
    ].__wrapped__,
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        _ATEN._scaled_dot_product_flash_attention_backward
    ].__wrapped__,
}
"""Attention as it runs without numbers; torch counts it under the names of a GPU."""

_SAMPLE = 2**16


@dataclass(frozen=True, slots=True)
class Counted:
    """The work of one microbatch.

    Attributes:
        forward: floating-point operations of a pass without gradients.
        learning: of a pass with its way back, what checkpointing computes again among them.
        calls: operators that one forward pass starts, however large they are.
    """

    forward: int
    learning: int
    calls: int


@cache
def counted(shape: Shape) -> Counted:
    """The work of a pass over a microbatch. Attention counts all pairs, also those that a mask hides."""
    small, large = (_count(shape, depth) for depth in DEPTHS)
    depth = layers_of(shape.architecture)
    return Counted(*(at_depth(a, b, depth) for a, b in zip(small, large, strict=True)))


def _count(shape: Shape, depth: int) -> tuple[int, int, int]:
    with simulated(shape, depth) as (model, _):
        with torch.no_grad(), _Calls() as calls, _flops() as forward:
            for _ in losses_of(model, shape):
                pass
        with _flops() as learning, checkpointed(model, shape.checkpointing):
            next(losses_of(model, shape)).backward()
        return forward.get_total_flops(), learning.get_total_flops(), calls.count


def _flops() -> FlopCounterMode:
    return FlopCounterMode(display=False, custom_mapping=dict(_ON_CPU))


@cache
def bytes_of_step(optimization: Optimization, dtype: str) -> float:
    """Bytes that an optimizer's step reads and writes for each parameter, gradient clip among them."""
    weights = nn.Parameter(torch.zeros(_SAMPLE, dtype=getattr(torch, dtype)))
    optimizer = Optimizer([weights], optimization)
    moved = 0
    for _ in range(2):  # the first step makes the moments
        weights.grad = torch.ones_like(weights)
        with _Calls() as calls:
            optimizer.step(0, 1)
        moved = calls.moved
    return moved / _SAMPLE


class _Calls(TorchDispatchMode):
    """Counts operators, and the bytes that they read and write; views move none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.moved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        self.count += 1
        if not func.is_view:
            self.moved += sum(one.nbytes for one in tree_leaves((args, outputs)) if isinstance(one, Tensor))
        return outputs
