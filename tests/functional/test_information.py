from __future__ import annotations

import math

import pytest
import torch

from collm.functional.information import information_lower_bounds, information_upper_bounds


def test_a_model_that_says_nothing_finds_no_information() -> None:
    assert information_lower_bounds(torch.zeros(4, 4)).tolist() == [0.0] * 4
    assert information_upper_bounds(torch.full((4, 4), -3.0)).tolist() == [0.0] * 4


def test_the_lower_bound_of_two_pairs_by_hand() -> None:
    scores = torch.tensor([[1.0, -2.0], [0.5, 3.0]])

    def softplus(x: float) -> float:
        return math.log(1 + math.exp(x))

    log2 = math.log(2)
    expected = [log2 - softplus(-1) - (softplus(-2) - log2), log2 - softplus(-3) - (softplus(0.5) - log2)]
    assert information_lower_bounds(scores).tolist() == pytest.approx(expected)


def test_a_model_that_tells_pairs_apart_reaches_the_most() -> None:
    scores = torch.full((3, 3), -50.0).fill_diagonal_(50.0)
    assert information_lower_bounds(scores).tolist() == pytest.approx([2 * math.log(2)] * 3)


def test_the_upper_bound_compares_a_pair_with_the_others() -> None:
    logprobs = torch.tensor([[-1.0, -3.0, -5.0], [-2.0, -2.0, -2.0], [0.0, 0.0, -6.0]])
    assert information_upper_bounds(logprobs).tolist() == [3.0, 0.0, -6.0]
