"""Reads JSON that others wrote: what does not fit is absent, and no text raises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_LARGEST = 2**53
"""The largest whole number that a browser holds exactly."""


def parsed(line: bytes | str) -> dict[str, Any] | None:
    """A JSON object; ``None`` for anything else, however broken."""
    try:
        value = json.loads(line, parse_constant=lambda constant: None, parse_float=_float)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def number(value: Any) -> float | None:
    """A finite real number, else ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _LARGEST or isinstance(value, float) else None


def whole(value: Any, default: int = 0) -> int:
    """A whole number that SQLite and a browser can hold."""
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return value if fits else default


def text(value: Any) -> str:
    """A text that can be written in UTF-8; lone surrogates become question marks."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, empty if there is none."""
    return value if isinstance(value, dict) else {}
