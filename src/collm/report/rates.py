"""How fast a device works: measured on this machine, or a data sheet's numbers at an assumed utilisation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from collm.errors import CollmError


@dataclass(frozen=True, slots=True)
class Rates:
    """What a device does in a second.

    Attributes:
        source: where the numbers come from, for people.
        arithmetic: floating-point operations of matrix products.
        memory: bytes read or written.
        calls: operators started, however small.
    """

    source: str
    arithmetic: float
    memory: float
    calls: float


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A card's dense peaks by its data sheet: TFLOP/s in half precision and in float32, and TB/s."""

    half: float
    single: float
    memory: float


_SHEETS = {
    "H200": _Sheet(989, 67, 4.8),
    "H100": _Sheet(989, 67, 3.35),
    "A100": _Sheet(312, 19.5, 2.04),
    "L40S": _Sheet(362, 91.6, 0.864),
    "RTX4090": _Sheet(165, 82.6, 1.008),
    "RTX3090": _Sheet(71, 35.6, 0.936),
}
_USED_ARITHMETIC, _USED_MEMORY, _CALLS = 0.4, 0.6, 1.5e5
"""Assumed: the shares of a sheet's peaks that are reached, and operators a second that Python starts."""

CARDS = tuple(_SHEETS)
"""The cards whose data sheets are known."""


def card_rates(card: str, dtype: str) -> Rates:
    """A data sheet's peaks, at an assumed utilisation.

    Raises:
        CollmError: if the card is not known.
    """
    sheet = _SHEETS.get(card)
    if sheet is None:
        problem, mend = f"no data sheet of {card!r}.", f"give one of {', '.join(CARDS)}, or --measure."
        raise CollmError("--card", problem, mend)
    peak = sheet.single if dtype == "float32" else sheet.half
    assumed = f"{_USED_ARITHMETIC:.0%} of its FLOP/s, {_USED_MEMORY:.0%} of its bytes/s"
    source = f"{card} by its data sheet; assumed: {assumed}, {_CALLS:,.0f} operators/s"
    return Rates(source, peak * 1e12 * _USED_ARITHMETIC, sheet.memory * 1e12 * _USED_MEMORY, _CALLS)


def measured_rates(device: torch.device, dtype: str, clock: Callable[[], float] = time.perf_counter) -> Rates:
    """What this machine does now: a matrix product, a copy, and many small operators, a few times each.

    Args:
        clock: seconds; a processor's own where others work on it too.
    """
    kind = getattr(torch, dtype)
    width, large = (4096, 2**28) if device.type == "cuda" else (768, 2**25)
    matrix = torch.ones(width, width, device=device, dtype=kind)
    block = torch.ones(large, device=device, dtype=torch.uint8)
    small = torch.ones(1, device=device)
    product = _seconds(device, clock, lambda: matrix @ matrix)
    copied = _seconds(device, clock, block.clone)
    call = _seconds(device, clock, lambda: [small + 1 for _ in range(1000)]) / 1000
    source = f"{device.type} of this machine, measured now"
    return Rates(source, 2 * width**3 / product, 2 * large / copied, 1 / call)


def _seconds(device: torch.device, clock: Callable[[], float], work: Callable[[], object]) -> float:
    """The median time of some work; the first two times do not count."""
    found = []
    for _ in range(7):
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(clock() - start)
    return median(found[2:])
