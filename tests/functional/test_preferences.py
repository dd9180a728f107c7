from __future__ import annotations

import math

import pytest
import torch

from collm.functional.preferences import preference_losses


def test_the_loss_is_minus_log_of_the_chance_that_the_preferred_one_wins() -> None:
    margins = torch.tensor([0.0, 2.0, -2.0])
    chances = [0.5, 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))]
    assert preference_losses(margins).tolist() == pytest.approx([-math.log(one) for one in chances])


def test_large_margins_stay_finite() -> None:
    assert preference_losses(torch.tensor([-1000.0, 1000.0])).tolist() == [1000.0, 0.0]
