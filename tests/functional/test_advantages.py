from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.functional.advantages import clipped, group_relative, standardized

numbers = st.floats(-1000, 1000, width=32)
grouped = st.lists(st.tuples(numbers, st.integers(-1, 2)), min_size=1, max_size=12)


def test_siblings_are_compared_with_their_mean() -> None:
    returns = torch.tensor([1.0, 5.0, 2.0, 3.0, 9.0])
    assert group_relative(returns, [-1, 0, -1, -1, 0]).tolist() == [-1.0, -2.0, 0.0, 1.0, 2.0]


def test_siblings_are_scaled_by_the_deviation_of_the_population() -> None:
    returns = torch.tensor([0.0, 0.0, 3.0, 3.0, 10.0, 30.0])
    advantages = group_relative(returns, [0, 0, 0, 0, 1, 1], scale_by_std=True)
    assert advantages.tolist() == pytest.approx([-1, -1, 1, 1, -1, 1], abs=1e-5)


@pytest.mark.parametrize("scale_by_std", [False, True])
def test_a_single_sibling_has_no_advantage(scale_by_std: bool) -> None:
    assert group_relative(torch.tensor([7.0]), [0], scale_by_std).tolist() == [0.0]


@given(grouped, st.booleans())
def test_advantages_of_siblings_cancel(rows: list[tuple[float, int]], scale_by_std: bool) -> None:
    returns, groups = (list(column) for column in zip(*rows, strict=True))
    advantages = group_relative(torch.tensor(returns), groups, scale_by_std)
    for group in set(groups):
        members = [i for i, label in enumerate(groups) if label == group]
        assert float(advantages[members].sum()) == pytest.approx(0.0, abs=1e-2)


@given(numbers, st.integers(1, 9), st.booleans())
def test_equal_siblings_have_no_advantage(value: float, count: int, scale_by_std: bool) -> None:
    returns = torch.full((count,), value)
    assert group_relative(returns, [0] * count, scale_by_std).tolist() == [0.0] * count


@given(numbers, st.integers(1, 9))
def test_equal_values_have_no_standardized_difference(value: float, count: int) -> None:
    assert standardized(torch.full((count,), value)).tolist() == [0.0] * count


def test_standardized_values() -> None:
    values = torch.tensor([1.0, 3.0, 5.0, 7.0])  # mean 4, population deviation sqrt(5)
    expected = [-3 / 5**0.5, -1 / 5**0.5, 1 / 5**0.5, 3 / 5**0.5]
    assert standardized(values).tolist() == pytest.approx(expected, abs=1e-5)
    assert standardized(values, scale=False).tolist() == [-3.0, -1.0, 1.0, 3.0]
    assert standardized(values, center=False).tolist() == pytest.approx([v / 5**0.5 for v in (1, 3, 5, 7)])


def test_clipped_advantages() -> None:
    values = torch.tensor([-3.0, -0.5, 0.0, 2.0])
    assert clipped(values, 1.0).tolist() == [-1.0, -0.5, 0.0, 1.0]
    assert clipped(values, None).tolist() == values.tolist()
