"""Capped ratios are the truncated importance weights of the mathematics for copies of a policy."""

from __future__ import annotations

import pytest
import torch

from collm.functional.corrections import truncated_weights
from collm.functional.losses import TokenScores, capped_shares, surrogate_losses

OWNERS = torch.tensor([0, 0, 1])
BEHAVIOR = torch.tensor([0.25, 0.1, 0.8]).log()
NOW = torch.tensor([0.5, 0.4, 0.2]).log()
"""Ratios of 2, 4 and 0.25 a token, of 8 and 0.25 an action."""


def scores(logprobs: torch.Tensor) -> TokenScores:
    sums = torch.zeros(2).index_add(0, OWNERS, BEHAVIOR)
    return TokenScores(logprobs, BEHAVIOR, OWNERS, sums, torch.tensor([3.0, -1.0]))


def test_a_larger_ratio_counts_for_the_cap() -> None:
    assert surrogate_losses(scores(NOW), "sequence", None, 2.0).tolist() == pytest.approx([-6.0, 0.25])
    assert surrogate_losses(scores(NOW), "token", None, 3.0).tolist() == pytest.approx([-15.0, 0.25])
    assert surrogate_losses(scores(NOW), "sequence", None, None).tolist() == pytest.approx([-24.0, 0.25])


@pytest.mark.parametrize("kind", ["token", "sequence"])
def test_its_gradient_is_that_of_truncated_importance_weights(kind: str) -> None:
    found = NOW.clone().requires_grad_()
    surrogate_losses(scores(found), kind, None, 2.0).sum().backward()  # type: ignore[arg-type]
    plain = NOW.clone().requires_grad_()
    weights = truncated_weights(plain, BEHAVIOR, OWNERS, kind, 2.0)  # type: ignore[arg-type]
    (-weights * scores(NOW).advantages[OWNERS] * plain).sum().backward()
    assert found.grad is not None
    assert plain.grad is not None
    assert found.grad.tolist() == pytest.approx(plain.grad.tolist())


def test_the_share_above_the_cap_is_counted() -> None:
    assert capped_shares(scores(NOW), "sequence", 2.0).tolist() == [1.0, 0.0]
    assert capped_shares(scores(NOW), "token", 3.0).tolist() == [0.5, 0.0]
