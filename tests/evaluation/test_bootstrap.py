from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from collm.evaluation.bootstrap import bootstrap_interval

VALUES = arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-10, 10))


@given(VALUES)
def test_the_interval_lies_within_the_runs_and_is_the_same_every_time(values: np.ndarray) -> None:
    low, high = bootstrap_interval(values)
    assert low.shape == high.shape == values.shape[1:]
    slack = 1e-9
    assert (values.min(axis=0) - slack <= low).all()
    assert (low <= high + slack).all()
    assert (high <= values.max(axis=0) + slack).all()
    again = bootstrap_interval(values)
    assert (low == again[0]).all()
    assert (high == again[1]).all()


def test_the_interval_has_the_width_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=(100, 1))
    low, high = bootstrap_interval(values)
    assert low[0] < values.mean() < high[0]
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * values.std() / 10, rel=0.15)


def test_groups_count_by_how_many_values_they_have() -> None:
    low, high = bootstrap_interval(np.array([0.0, 30.0]), np.array([1, 3]))
    # both drawn alike: 0 or 10; one of each: 30 values over 4, which half of the draws give
    assert (low, high) == (0.0, 10.0)
    assert bootstrap_interval(np.array([30.0]), np.array([4])) == (7.5, 7.5)


def test_a_constant_has_no_spread_whatever_the_counts() -> None:
    assert bootstrap_interval(np.array([2.0, 6.0, 4.0]), np.array([1, 3, 2])) == (2.0, 2.0)
