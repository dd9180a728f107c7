from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collm.functional.corrections import reweighted, truncated_weights
from collm.functional.kinds import CorrectionKind


def logs(*probabilities: float) -> Tensor:
    return torch.tensor(probabilities).log()


TRAINER = logs(0.5, 0.2, 0.9, 0.3)
SAMPLER = logs(0.25, 0.4, 0.1, 0.3)
OWNERS = torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("kind", "cap", "expected"),
    [
        ("token", 3.0, [2.0, 0.5, 3.0, 1.0]),
        ("token", 1.5, [1.5, 0.5, 1.5, 1.0]),
        ("sequence", 3.0, [1.0, 1.0, 3.0, 3.0]),
        ("sequence", 10.0, [1.0, 1.0, 9.0, 9.0]),
    ],
)
def test_weights_are_quotients_up_to_the_cap(kind: CorrectionKind, cap: float, expected: list[float]) -> None:
    found = truncated_weights(TRAINER, SAMPLER, OWNERS, kind, cap)
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_weights_are_constants() -> None:
    trainer = TRAINER.clone().requires_grad_()
    assert not truncated_weights(trainer, SAMPLER, OWNERS, "token", 2.0).requires_grad


def test_a_weight_multiplies_the_gradient_and_leaves_the_number() -> None:
    logprobs = TRAINER.clone().requires_grad_()
    weighted = reweighted(logprobs, torch.tensor([2.0, 0.5, 1.0, 0.0]))
    assert torch.equal(weighted, TRAINER)
    (weighted * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == [2.0, 1.0, 3.0, 0.0]


def test_the_weighted_mean_is_the_trainers_expectation() -> None:
    """Over all tokens of a vocabulary, drawn by a sampler with other probabilities."""
    sampler, trainer = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.4, 0.5, 0.1])
    weights = truncated_weights(trainer.log(), sampler.log(), torch.arange(3), "token", 100.0)
    worth = torch.tensor([1.0, -2.0, 5.0])
    assert float((sampler * weights * worth).sum()) == pytest.approx(float((trainer * worth).sum()))
