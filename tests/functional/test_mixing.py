"""The monotonic mixture of agents' values."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.functional import first_weights, monotonic_mix

numbers = st.floats(-3, 3, width=32)


def mixed(values: list[float], weights: list[float], width: int) -> torch.Tensor:
    return monotonic_mix(torch.tensor(values).unsqueeze(-1), torch.tensor([weights]), width)


def summing_weights(agents: int, width: int) -> list[float]:
    """Weights of a sum, while it is above -1."""
    return [1.0] * (agents * width) + [1.0] * width + [1 / width] * width + [-1.0]


def test_worked_out_by_hand() -> None:
    # two agents, two hidden units; W1 is agent by agent, and its signs do not matter
    weights = [1.0, -2.0, 0.5, 3.0, 0.25, -4.0, -2.0, 1.0, 0.125]
    first = 1 * 1 + 0.5 * 2 + 0.25
    second = math.exp(2 * 1 + 3 * 2 - 4.0 - 10.0) - 1  # below 0: the exponential branch
    assert mixed([1.0, 2.0], [*weights[:5], -14.0, *weights[6:]], 2).item() == pytest.approx(
        2 * first + 1 * second + 0.125
    )


@given(st.lists(numbers, min_size=2, max_size=2), st.lists(numbers, min_size=17, max_size=17))
def test_no_value_lowers_the_mixture_when_it_rises(values: list[float], weights: list[float]) -> None:
    leaf = torch.tensor(values).unsqueeze(-1).requires_grad_()
    monotonic_mix(leaf, torch.tensor([weights]), 4).sum().backward()
    assert leaf.grad is not None
    assert (leaf.grad >= 0).all()


@pytest.mark.parametrize("width", [1, 4, 32])
def test_first_weights_mix_nothing_to_nothing_and_treat_all_alike(width: int) -> None:
    weights = list(first_weights(3, width))
    assert mixed([0.0, 0.0, 0.0], weights, width).item() == pytest.approx(0, abs=1e-6)
    leaf = torch.tensor([[0.5], [-1.0], [0.25]]).requires_grad_()
    monotonic_mix(leaf, torch.tensor([weights]), width).sum().backward()
    assert leaf.grad is not None
    slopes = leaf.grad.flatten().tolist()
    assert slopes == pytest.approx([slopes[0]] * 3)
    assert 0.5 < slopes[0] <= 1


@given(st.lists(st.floats(-0.25, 5, width=32), min_size=3, max_size=3), st.sampled_from([1, 4, 32]))
def test_on_the_straight_side_of_the_bend_values_add_up(values: list[float], width: int) -> None:
    found = mixed(values, summing_weights(3, width), width)
    assert found.item() == pytest.approx(sum(values), abs=1e-4)
