"""Numbers and values that user code returned: which can be used, and how errors show the others."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

LARGEST = 3.4028234663852886e38
"""The largest number of float32, the format that models learn in."""

_LONGEST = 200


def finite(value: Any) -> float | None:
    """The value as a float; ``None`` unless it is a real number that float32 can hold."""
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except (OverflowError, ValueError):
        return None
    return number if abs(number) <= LARGEST else None


def shown(value: Any) -> str:
    """A value's short form for errors, whatever it is."""
    try:
        text = repr(value)
    except Exception:
        return f"<a {type(value).__name__} that cannot be shown>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
