"""How fast a device works, by its data sheet at an assumed utilisation."""

from __future__ import annotations

from dataclasses import dataclass

from collm.errors import CollmError


@dataclass(frozen=True, slots=True)
class Rates:
    """What a device does in a second.

    Attributes:
        source: where the numbers come from, for people.
        arithmetic: floating-point operations of matrix products.
        memory: bytes read or written.
        calls: operators started, however small.
        ahead: whether operators are started while earlier ones still work, as on a GPU.
    """

    source: str
    arithmetic: float
    memory: float
    calls: float
    ahead: bool = False

    def seconds(self, working: float, calls: float) -> float:
        """What operators take that work so long, and of which so many are started."""
        starting = calls / self.calls
        return max(working, starting) if self.ahead else working + starting


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
_USED_ARITHMETIC, _USED_MEMORY, _CALLS = 0.4, 0.6, 9e4
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
    arithmetic, memory = peak * 1e12 * _USED_ARITHMETIC, sheet.memory * 1e12 * _USED_MEMORY
    return Rates(source, arithmetic, memory, _CALLS, ahead=True)
