"""AdamW's two moments of a parameter, read and written a part at a time: plain, or in blocks of 8 bits.

A moment is one or more flat tensors under names of their own in the optimizer's state, wherever they lie.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from collm.data.rows import optional_module

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
    """A byte for each number and a scale for each block of 256 (Dettmers et al. 2021), as torchao does it.

    Args:
        signed: whether numbers may be negative.
        where: the key of the recipe, for errors.

    Raises:
        AbsentError: if torchao is not installed.
    """

    def __init__(self, signed: bool, where: str) -> None:
        self._library = optional_module("torchao.optim.quant_utils", where, "optimizers")
        self._map = cache(self._library.create_dynamic_map)
        self._signed = signed

    def zeros(self, parameter: Tensor, home: torch.device) -> dict[str, Tensor]:
        codes = torch.full(parameter.shape, self._map(self._signed).index(0), dtype=torch.uint8, device=home)
        return {"": codes, "_scale": torch.zeros(parameter.numel() // _BLOCK, device=home)}

    def read(self, part: dict[str, Tensor], device: torch.device) -> Tensor:
        numbers: Tensor = self._library.dequant_with_qmap(
            part[""].to(device), self._table(device), part["_scale"].to(device)
        )
        return numbers

    def write(self, part: dict[str, Tensor], exact: Tensor, generator: torch.Generator) -> None:
        scaled, scale = self._library.scale_tensor(exact, _BLOCK)
        part[""].copy_(self._library.quantize_8bit_with_qmap(scaled, self._table(exact.device)))
        part["_scale"].copy_(scale)

    def _table(self, device: torch.device) -> Tensor:
        return torch.tensor(self._map(self._signed), device=device)


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
