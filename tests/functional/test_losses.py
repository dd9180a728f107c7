from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from collm.functional.losses import (
    clipped_value_losses,
    importance_ratios,
    policy_gradient_losses,
    token_divergences,
    value_losses,
)
from collm.functional.returns import td_residuals

LOG_HALF, LOG_QUARTER = math.log(0.5), math.log(0.25)


def logs(*probabilities: float) -> Tensor:
    return torch.tensor(probabilities).log()


def gradient_of_policy(
    logits: list[float], action: int, behavior: float, advantage: float, ratio_clip: float | None = None
) -> list[float]:
    """Gradient of the loss with respect to the logits of a softmax policy that took one action."""
    theta = torch.tensor(logits, requires_grad=True)
    chosen = theta.log_softmax(-1)[action : action + 1]
    policy_gradient_losses(chosen, logs(behavior), torch.tensor([advantage]), ratio_clip).sum().backward()
    assert theta.grad is not None
    return theta.grad.tolist()


def test_ratios_are_quotients_of_probabilities() -> None:
    assert importance_ratios(logs(0.5, 0.1), logs(0.25, 0.2)).tolist() == pytest.approx([2.0, 0.5])


def test_ratios_stay_finite() -> None:
    assert math.isfinite(float(importance_ratios(torch.tensor([0.0]), torch.tensor([-1e6]))))


def test_losses_are_minus_ratio_times_advantage() -> None:
    losses = policy_gradient_losses(logs(0.5, 0.1), logs(0.25, 0.2), torch.tensor([3.0, -4.0]))
    assert losses.tolist() == pytest.approx([-6.0, 2.0])


def test_on_policy_gradient_is_minus_advantage_times_score() -> None:
    # equations 1, 2 and 4 with rho = 1: grad log pi = indicator - pi
    assert gradient_of_policy([0.0, 0.0], 0, 0.5, 3.0) == pytest.approx([-1.5, 1.5])


def test_off_policy_gradient_is_weighted_by_the_ratio() -> None:
    assert gradient_of_policy([0.0, 0.0], 0, 0.25, 3.0) == pytest.approx([-3.0, 3.0])


@given(
    st.lists(st.floats(-3, 3, width=32), min_size=2, max_size=5),
    st.floats(0.05, 1.0),
    st.floats(-2, 2),
)
def test_the_gradient_is_that_of_equation_1(logits: list[float], behavior: float, advantage: float) -> None:
    policy = torch.tensor(logits).softmax(-1).tolist()
    ratio = policy[0] / behavior
    expected = [-ratio * advantage * (float(a == 0) - p) for a, p in enumerate(policy)]
    assert gradient_of_policy(logits, 0, behavior, advantage) == pytest.approx(expected, abs=1e-4)


def test_the_expected_gradient_over_the_behavior_policy_is_that_of_the_objective() -> None:
    """Sum over actions of behavior * gradient = minus the gradient of the expected advantage."""
    logits, behavior, advantages = [0.2, -0.4, 0.1], [0.5, 0.2, 0.3], [1.0, -2.0, 0.5]
    theta = torch.tensor(logits, requires_grad=True)
    (theta.softmax(-1) * torch.tensor(advantages)).sum().backward()
    assert theta.grad is not None
    terms = [
        [b * g for g in gradient_of_policy(logits, a, b, adv)]
        for a, (b, adv) in enumerate(zip(behavior, advantages, strict=True))
    ]
    assert [-sum(column) for column in zip(*terms, strict=True)] == pytest.approx(theta.grad.tolist())


@pytest.mark.parametrize(
    ("behavior", "advantage", "loss", "gradient"),
    [
        (0.25, 3.0, -3.6, [0.0, 0.0]),  # ratio 2, already too good to push further
        (0.25, -3.0, 6.0, [3.0, -3.0]),  # ratio 2, but pushed back in full
        (1.0, 3.0, -1.5, [-0.75, 0.75]),  # ratio 1/2, pulled up in full
        (1.0, -3.0, 2.4, [0.0, 0.0]),  # ratio 1/2, already low enough
        (0.5, 3.0, -3.0, [-1.5, 1.5]),  # inside the range
    ],
)
def test_clipping_is_pessimistic(
    behavior: float, advantage: float, loss: float, gradient: list[float]
) -> None:
    losses = policy_gradient_losses(logs(0.5), logs(behavior), torch.tensor([advantage]), ratio_clip=0.2)
    assert losses.tolist() == pytest.approx([loss])
    assert gradient_of_policy([0.0, 0.0], 0, behavior, advantage, 0.2) == pytest.approx(gradient)


def test_divergences_of_single_tokens() -> None:
    found = token_divergences(logs(0.5, 0.25, 0.3), logs(0.25, 0.5, 0.3)).tolist()
    assert found == pytest.approx([0.5 + math.log(2) - 1, 2 - math.log(2) - 1, 0.0])


def test_divergences_average_to_the_divergence_of_the_distributions() -> None:
    policy, reference = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.3, 0.3, 0.4])
    estimated = float((policy * token_divergences(policy.log(), reference.log())).sum())
    exact = 0.7 * math.log(0.7 / 0.3) + 0.2 * math.log(0.2 / 0.3) + 0.1 * math.log(0.1 / 0.4)
    assert estimated == pytest.approx(exact)


@given(st.floats(-50, 0), st.floats(-50, 0))
def test_divergences_are_finite_and_not_negative(logprob: float, reference: float) -> None:
    found = float(token_divergences(torch.tensor([logprob]), torch.tensor([reference])))
    assert math.isfinite(found)
    assert found >= -1e-6


def test_value_losses_are_squared_residuals_that_move_the_value_alone() -> None:
    # equations 3 and 5: r = 1, discount 0.5, V' = 4, V = 1, so the residual is 2
    values, next_values = torch.tensor([1.0], requires_grad=True), torch.tensor([4.0], requires_grad=True)
    targets = 1.0 + 0.5 * next_values
    losses = value_losses(values, targets)
    assert losses.tolist() == [td_residuals(torch.ones(1), values, next_values, 0.5).item() ** 2] == [4.0]
    losses.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-4.0]
    assert next_values.grad is None


def test_values_that_moved_far_towards_their_target_teach_nothing_more() -> None:
    # from 0, with a clip of 1: 0.5 and 1.5 go up to 3, 1.5 goes away from -3
    values = torch.tensor([0.5, 1.5, 1.5], requires_grad=True)
    targets, first = torch.tensor([3.0, 3.0, -3.0]), torch.zeros(3)
    losses = clipped_value_losses(values, targets, first, 1.0)
    assert losses.tolist() == [2.5**2, 2.0**2, 4.5**2]
    losses.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [2 * (0.5 - 3), 0.0, 2 * (1.5 + 3)]
