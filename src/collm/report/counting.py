"""How much arithmetic passes of a model are, and how many bytes a step moves: counted, not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from collm.engines.batch import QUEUED, STEADY
from collm.engines.cache import BatchCache
from collm.engines.decoding import Decoder
from collm.models.checkpointing import checkpointed
from collm.models.config import Optimization
from collm.models.families import family, trunk
from collm.models.optimizer import Optimizer
from collm.report.rates import Rates
from collm.report.simulation import DEPTHS, Shape, at_depth, choosing, layers_of, losses_of, simulated

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

_PRODUCTS = {*flop_registry, *_ON_CPU}
_SAMPLE = 2**16


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over one microbatch consists of.

    Attributes:
        arithmetic: floating-point operations of matrix products and attention.
        moved: bytes that all other operators read and write.
        calls: operators started, however large they are.
    """

    arithmetic: int
    moved: int
    calls: int

    def working(self, rates: Rates) -> float:
        """Seconds without those of starting operators."""
        return self.arithmetic / rates.arithmetic + self.moved / rates.memory


@dataclass(frozen=True, slots=True)
class Counted:
    """The work of one microbatch.

    Attributes:
        forward: without gradients.
        learning: with the way back, what checkpointing computes again among it.
    """

    forward: Pass
    learning: Pass


@cache
def counted(shape: Shape) -> Counted:
    """The work of a pass over a microbatch. Attention counts all pairs, also those that a mask hides."""
    small, large = (_count(shape, depth) for depth in DEPTHS)
    depth = layers_of(shape.architecture)
    sizes = [at_depth(a, b, depth) for a, b in zip(small, large, strict=True)]
    return Counted(Pass(*sizes[:3]), Pass(*sizes[3:]))


@cache
def choice_pass(architecture: str, dtype: str, rows: int, sampling: str) -> Pass:
    """What it takes to choose one token for each of some rows, their logits among it."""
    with (
        choosing(architecture, dtype, rows, sampling) as (choice, _),
        Calls() as calls,
        _flops() as products,
    ):
        choice()
    return Pass(products.get_total_flops(), calls.moved, calls.count)


@cache
def token_pass(architecture: str, dtype: str, rows: int, length: int, ahead: bool) -> Pass:
    """What this package's decoder does to read one token of each of some rows, after so many.

    Args:
        ahead: whether the host runs ahead of the device.
    """
    small, large = (
        _token_pass(Shape(architecture, dtype, rows, length, False, 0), depth, ahead) for depth in DEPTHS
    )
    depth = layers_of(architecture)
    return Pass(*(at_depth(a, b, depth) for a, b in zip(small, large, strict=True)))


def _token_pass(shape: Shape, depth: int, ahead: bool) -> tuple[int, int, int]:
    with simulated(shape, depth) as (model, _), torch.inference_mode():
        token = torch.zeros(shape.rows, 1, dtype=torch.long)
        if family(model).keyed:
            decoder = Decoder(model, frozenset(), 0, pace=QUEUED if ahead else STEADY)
            cache, starts = BatchCache(depth, shape.width + 1), torch.zeros(shape.rows, dtype=torch.long)
            decoder.read(torch.zeros(shape.rows, shape.width, dtype=torch.long), cache, starts, 0, False)
            static = ahead and family(model).branching  # as the decoder itself decides
            step = partial(decoder.read, token, cache, starts, shape.width, False, static)
        else:
            step = partial(trunk(model), input_ids=token, use_cache=False)
        with Calls() as calls, _flops() as products:
            step()
        return products.get_total_flops(), calls.moved, calls.count


def _count(shape: Shape, depth: int) -> tuple[int, ...]:
    with simulated(shape, depth) as (model, _):
        with torch.no_grad(), Calls() as calls, _flops() as forward:
            for _ in losses_of(model, shape):
                pass
        with Calls() as all_calls, _flops() as learning, checkpointed(model, shape.checkpointing):
            next(losses_of(model, shape)).backward()
        whole = forward.get_total_flops(), calls.moved, calls.count
        return *whole, learning.get_total_flops(), all_calls.moved, all_calls.count


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
        with Calls() as calls:
            optimizer.step(0, 1)
        moved = calls.moved
    return moved / _SAMPLE


class Calls(TorchDispatchMode):
    """Counts operators, and the bytes that they read and write.

    Views move none, and what products move counts as their arithmetic.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.moved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        if func.namespace == "prim":  # a question about a tensor
            return outputs
        self.count += 1
        if not func.is_view and func._overloadpacket not in _PRODUCTS:
            read = outputs if func._overloadpacket is _ATEN.embedding else args  # a few rows of a table
            self.moved += sum(one.nbytes for one in tree_leaves((read, outputs)) if isinstance(one, Tensor))
        return outputs
