from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from collm.functional.returns import lambda_advantages, n_step_advantages, td_residuals, tree_returns

numbers = st.floats(-5, 5, width=32)
steps = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8)
shares = st.floats(0, 1)


def test_a_chain_returns_the_discounted_sum_of_rewards() -> None:
    returns = tree_returns(torch.tensor([1.0, 2.0, 4.0]), [None, 0, 1], discount=0.5)
    assert returns.tolist() == [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4]


def test_a_node_averages_over_its_children() -> None:
    # root 0 has children 1 and 4; 1 has children 2 and 3; 5 is a second root that ended early
    rewards = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    returns = tree_returns(rewards, [None, 0, 1, 1, 0, None], discount=1.0)
    assert returns.tolist() == [1 + (8 + 16) / 2, 2 + (4 + 8) / 2, 4, 8, 16, 32]


def test_every_edge_of_a_tree_is_discounted_once() -> None:
    rewards = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    returns = tree_returns(rewards, [None, 0, 0, 2], discount=0.1)
    assert returns.tolist() == pytest.approx([1 + 0.1 * (10 + 200) / 2, 10, 200, 1000])


def test_returns_leave_the_rewards_alone() -> None:
    rewards = torch.tensor([1.0, 1.0])
    tree_returns(rewards, [None, 0], discount=1.0)
    assert rewards.tolist() == [1.0, 1.0]


def test_no_turns_have_no_returns() -> None:
    assert tree_returns(torch.zeros(0), [], 1.0).tolist() == []


def test_td_residuals() -> None:
    rewards, values = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 4.0])
    residuals = td_residuals(rewards, values, next_values=torch.tensor([4.0, 0.0]), discount=0.5)
    assert residuals.tolist() == [1 + 0.5 * 4 - 0.5, 2 - 4.0]


def test_lambda_advantages_decay_by_discount_times_trace() -> None:
    advantages = lambda_advantages(torch.tensor([1.0, 2.0, 3.0]), [None, 0, 1], discount=0.5, trace_decay=0.5)
    assert advantages.tolist() == [1 + 0.25 * (2 + 0.25 * 3), 2 + 0.25 * 3, 3.0]


def test_lambda_advantages_of_a_tree_carry_back_the_mean_of_the_children() -> None:
    # 1 and 2 are siblings; 0.5 * 0.5 * (2 + 6) / 2 = 1 comes back
    advantages = lambda_advantages(torch.tensor([3.0, 2.0, 6.0]), [None, 0, 0], discount=0.5, trace_decay=0.5)
    assert advantages.tolist() == [4.0, 2.0, 6.0]


def in_a_row(turns: Tensor) -> list[int | None]:
    """Parents of the turns of one episode."""
    return [None, *range(len(turns) - 1)]


@given(steps, shares)
def test_without_a_trace_the_advantage_is_the_residual(
    turns: list[tuple[float, float]], discount: float
) -> None:
    residuals = torch.tensor([reward for reward, _ in turns])
    assert lambda_advantages(residuals, in_a_row(residuals), discount, 0.0).tolist() == residuals.tolist()


@given(steps, shares, numbers)
def test_with_a_full_trace_the_advantage_is_the_return_less_the_value(
    turns: list[tuple[float, float]], discount: float, last: float
) -> None:
    rewards, values = (torch.tensor(column) for column in zip(*turns, strict=True))
    next_values = torch.cat([values[1:], torch.tensor([last])])
    residuals = td_residuals(rewards, values, next_values, discount)
    following = last
    returns: list[float] = []
    for reward in reversed(rewards.tolist()):
        following = reward + discount * following
        returns.insert(0, following)
    advantages = lambda_advantages(residuals, in_a_row(residuals), discount, 1.0)
    torch.testing.assert_close(advantages + values, torch.tensor(returns), rtol=1e-4, atol=1e-4)


@given(steps, shares)
def test_more_steps_than_there_are_turns_are_all_of_them(
    turns: list[tuple[float, float]], discount: float
) -> None:
    residuals = torch.tensor([reward for reward, _ in turns])
    parents = in_a_row(residuals)
    everything = n_step_advantages(residuals, parents, discount, len(turns))
    assert n_step_advantages(residuals, parents, discount, 10**15).tolist() == everything.tolist()
    torch.testing.assert_close(everything, lambda_advantages(residuals, parents, discount, 1.0))
