from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from collm.models.config import Optimization
from collm.models.optimizer import Optimizer, rate_factor


@pytest.mark.parametrize(
    ("schedule", "warmup", "factors"),
    [
        ("constant", 0, [1, 1, 1, 1, 1]),
        ("constant", 3, [0.25, 0.5, 0.75, 1, 1]),
        ("linear", 0, [1, 0.75, 0.5, 0.25, 0]),
        ("linear", 2, [1 / 3, 2 / 3, 1, 0.5, 0]),
        ("cosine", 0, [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0]),
    ],
)
def test_schedules_over_four_planned_updates(
    schedule: Literal["constant", "linear", "cosine"], warmup: int, factors: list[float]
) -> None:
    config = Optimization(schedule=schedule, warmup=warmup)
    assert [rate_factor(config, update, 4) for update in range(5)] == pytest.approx(factors)


def test_rates_never_fall_below_zero() -> None:
    assert rate_factor(Optimization(schedule="linear"), 9, 4) == 0
    assert rate_factor(Optimization(schedule="cosine"), 9, 4) == pytest.approx(0)


def stepped(optimizer: Optimizer, parameter: nn.Parameter, gradient: list[float], update: int = 0) -> float:
    parameter.grad = torch.tensor(gradient)
    norm, _ = optimizer.step(update, 10)
    assert parameter.grad is None, "gradients are cleared"
    return norm


def plain(rate: float, limit: float | None, decay: float = 0.0) -> Optimization:
    """Settings under which AdamW takes ``rate`` times the gradient, as the papers' updates do."""
    return Optimization(
        learning_rate=rate * 1e8, betas=(0.0, 0.0), epsilon=1e8, max_grad_norm=limit, weight_decay=decay
    )


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate() -> None:
    parameter = nn.Parameter(torch.tensor([1.0, 1.0]))
    stepped(Optimizer([parameter], Optimization(learning_rate=0.1)), parameter, [0.003, -0.0004])
    assert parameter.tolist() == pytest.approx([0.9, 1.1], abs=1e-4)


def test_gradients_are_scaled_down_to_the_limit_and_the_norm_is_told_before() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    assert stepped(Optimizer([parameter], plain(1.0, 1.0)), parameter, [3.0, 4.0]) == pytest.approx(5.0)
    assert parameter.tolist() == pytest.approx([-0.6, -0.8])


def test_without_a_limit_gradients_are_left_alone() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    assert stepped(Optimizer([parameter], plain(1.0, None)), parameter, [3.0, 4.0]) == pytest.approx(5.0)
    assert parameter.tolist() == pytest.approx([-3.0, -4.0])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_not_stepped(bad: float) -> None:
    parameter = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Optimizer([parameter], Optimization(learning_rate=0.1))
    assert not math.isfinite(stepped(optimizer, parameter, [bad, 1.0]))
    assert parameter.tolist() == [1.0, 2.0]
    stepped(optimizer, parameter, [1.0, 1.0])
    assert parameter.tolist() == pytest.approx([0.9, 1.9])


def test_the_rate_follows_the_schedule() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = Optimizer([parameter], plain(1.0, None).model_copy(update={"schedule": "linear"}))
    stepped(optimizer, parameter, [1.0], update=5)
    assert parameter.tolist() == pytest.approx([-0.5])


def test_a_saved_state_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    def after(steps: range, optimizer: Optimizer, parameter: nn.Parameter) -> Tensor:
        for step in steps:
            stepped(optimizer, parameter, [math.sin(step), math.cos(step)], step)
        return parameter.detach().clone()

    config = Optimization(learning_rate=0.1, schedule="cosine", weight_decay=0.1)
    whole = nn.Parameter(torch.ones(2))
    expected = after(range(8), Optimizer([whole], config), whole)
    first = nn.Parameter(torch.ones(2))
    optimizer = Optimizer([first], config)
    after(range(4), optimizer, first)
    optimizer.save(tmp_path / "state.pt")
    resumed = Optimizer([first], config)
    resumed.load(tmp_path / "state.pt")
    assert torch.equal(after(range(4, 8), resumed, first), expected)
