from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from collm.base.values import LARGEST, finite, shown


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (True, 1.0), (np.float32(0.5), 0.5), (Fraction(1, 4), 0.25), (-LARGEST, -LARGEST)],
)
def test_real_numbers_can_be_used(value: Any, number: float) -> None:
    assert finite(value) == number


@pytest.mark.parametrize(
    "value", [None, "1", math.nan, math.inf, 1e39, 10**400, Fraction(10**400), Decimal(1), [1.0], 1j]
)
def test_other_values_cannot(value: Any) -> None:
    assert finite(value) is None


def test_long_values_are_cut_and_odd_ones_named() -> None:
    assert shown([1, "a"]) == "[1, 'a']"
    assert shown("x" * 1000) == "'" + "x" * 199 + "..."
    assert shown(10**5000) == "<a int that cannot be shown>"
