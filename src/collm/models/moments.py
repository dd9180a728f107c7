"""AdamW's two moments of a parameter, read and written a part at a time: plain, or in blocks of 8 bits.

A moment is one or more flat tensors under names of their own in the optimizer's state, wherever they lie.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

_BLOCK = 256
_LEAST = 4096
"""Tensors of fewer numbers stay plain: they weigh nothing, and norms' weights among them count much."""

_LOST_BITS = 16
"""Bits of a float32 number that a bfloat16 number has no place for."""


class Moments(Protocol):
    """How a moment is stored."""

    def zeros(self, parameter: Tensor, home: torch.device) -> dict[str, Tensor]:
        """A moment of a parameter."""

    def read(self, part: dict[str, Tensor], device: torch.device) -> Tensor:
        """Some of its numbers in float32, safe to change."""

    def write(self, part: dict[str, Tensor], exact: Tensor, generator: torch.Generator) -> None:
        """Replace them."""


class Plain:
    """Numbers of the parameter's own type."""

    def zeros(self, parameter: Tensor, home: torch.device) -> dict[str, Tensor]:
        return {"": torch.zeros_like(parameter, device=home)}

    def read(self, part: dict[str, Tensor], device: torch.device) -> Tensor:
        return part[""].to(device, torch.float32, copy=True)

    def write(self, part: dict[str, Tensor], exact: Tensor, generator: torch.Generator) -> None:
        part[""].copy_(rounded(exact, part[""].dtype, generator))


class EightBit:
    """A byte for each number and a scale for each block of 256 (Dettmers et al. 2021, arXiv 2110.02861).

    Args:
        signed: whether numbers may be negative.
    """

    def __init__(self, signed: bool) -> None:
        self._values = dynamic_values(signed)
        self._borders = (self._values[1:] + self._values[:-1]) / 2

    def zeros(self, parameter: Tensor, home: torch.device) -> dict[str, Tensor]:
        zero = int(self._values.eq(0).nonzero())
        codes = torch.full(parameter.shape, zero, dtype=torch.uint8, device=home)
        return {"": codes, "_scale": torch.zeros(parameter.numel() // _BLOCK, device=home)}

    def read(self, part: dict[str, Tensor], device: torch.device) -> Tensor:
        codes, scale = part[""].to(device).view(-1, _BLOCK), part["_scale"].to(device)
        return (self._values.to(device)[codes.int()] * scale[:, None]).view(-1)

    def write(self, part: dict[str, Tensor], exact: Tensor, generator: torch.Generator) -> None:
        blocks = exact.view(-1, _BLOCK)
        scale = blocks.abs().amax(-1)
        scaled = blocks / scale.clamp_min(torch.finfo(scale.dtype).tiny)[:, None]
        codes = torch.bucketize(scaled, self._borders.to(exact.device), out_int32=True)
        part[""].copy_(codes.view(-1))
        part["_scale"].copy_(scale)


def dynamic_values(signed: bool) -> Tensor:
    """The 256 numbers from -1 or 0 to 1 that a byte stands for, in order: the larger, the finer.

    Of each of seven powers of ten there are twice as many as of the power below it, evenly spread.
    """
    values = [0.0, 1.0]
    for power in range(7):
        count = 2**power if signed else 2 ** (power + 1)
        middles = 0.1 + 0.9 * (torch.arange(count, dtype=torch.float64) + 0.5) / count
        decade = (middles * 10.0 ** (power - 6)).tolist()
        values += decade + ([-value for value in decade] if signed else [])
    return torch.tensor(sorted(values), dtype=torch.float32)


def fits_blocks(parameter: Tensor) -> bool:
    """Whether a parameter is large enough for 8 bits, and made of whole blocks."""
    return parameter.numel() >= _LEAST and parameter.numel() % _BLOCK == 0


def parts_of(stored: dict[str, Tensor], whole: int, size: int) -> list[dict[str, Any]]:
    """A moment of ``whole`` numbers, cut into parts of ``size``, which must be a multiple of the blocks."""
    cut = {name: flat(one).split(max(1, size * one.numel() // whole)) for name, one in stored.items()}
    return [dict(zip(cut, parts, strict=True)) for parts in zip(*cut.values(), strict=True)]


def flat(tensor: Tensor) -> Tensor:
    """The same numbers in one row; a view."""
    return tensor.detach().view(-1)


def rounded(exact: Tensor, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """A float32 tensor in another type; to bfloat16 so that its expectation is the exact value."""
    if dtype != torch.bfloat16:
        return exact.to(dtype)
    noise = torch.empty_like(exact, dtype=torch.int32).random_(1 << _LOST_BITS, generator=generator)
    bits = exact.contiguous().view(torch.int32) + noise
    return (bits >> _LOST_BITS << _LOST_BITS).view(torch.float32).to(dtype)
