from __future__ import annotations

import pytest
import torch

from collm.agents.value_head import ScaledHead


def head(weight: list[float] | None = None) -> ScaledHead:
    one = ScaledHead(2, torch.device("cpu"))
    with torch.no_grad():
        one.weight.copy_(torch.tensor([weight or [0.0, 0.0]]))
        one.bias.zero_()
    return one


def test_it_starts_at_the_first_targets_mean() -> None:
    one = head()
    assert one.awaits_scale
    one.follow(torch.tensor([10.0, 14.0]))
    assert not one.awaits_scale
    assert one(torch.ones(3, 2)).squeeze(-1).tolist() == [12.0, 12.0, 12.0]


def test_outputs_are_in_units_of_the_deviation() -> None:
    one = head([1.0, 0.0])
    one.follow(torch.tensor([10.0, 14.0]))  # deviation 2
    assert one(torch.tensor([[3.0, 5.0]])).tolist() == [[12.0 + 2 * 3.0]]


def test_later_targets_move_the_statistics_and_not_what_is_said() -> None:
    one, hidden = head([1.0, -0.5]), torch.tensor([[3.0, 5.0], [0.0, 1.0]])
    one.follow(torch.tensor([10.0, 14.0]))
    before = one(hidden).detach()
    one.follow(torch.tensor([100.0, -50.0, 7.0]))
    # two steps weigh alike: the mean of 12 and 19
    assert float(one.mean) == pytest.approx(15.5)
    assert torch.allclose(one(hidden), before, atol=1e-4)


def test_gradients_are_those_of_the_loss_in_units_of_the_deviation() -> None:
    one = head([1.0, 0.0])
    one.follow(torch.tensor([10.0, 14.0]))
    (one(torch.tensor([[3.0, 5.0]])) - 20.0).square().sum().backward()
    # the output 3 should have been (20 - 12) / 2 = 4: the gradient is 2 * (3 - 4) times the hidden state
    assert one.weight.grad is not None
    assert one.weight.grad.tolist() == [[-6.0, -10.0]]


def test_equal_targets_leave_a_deviation_to_divide_by() -> None:
    one = head([1.0, 0.0])
    one.follow(torch.full((4,), 5.0))
    assert float(one.deviation) == pytest.approx(0.01)


def test_its_statistics_are_saved_with_it() -> None:
    one, other = head([1.0, 2.0]), head()
    one.follow(torch.tensor([10.0, 14.0]))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(torch.ones(1, 2)), other(torch.ones(1, 2)))
