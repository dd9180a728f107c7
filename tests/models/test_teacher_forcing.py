from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.functional.logprobs import token_logprobs
from collm.models.config import Sampling
from collm.models.families import head_logits
from collm.models.packing import Cost, pack
from collm.models.teacher_forcing import ScoredBatch, forward_cost, head_logprobs, packed, score
from collm.types import Ids
from tests.agents.models import CUTS, PLAIN, assert_close, forced_logprobs, gradients, open_model
from tests.families import tiny_model

OPENING: Ids = (10, 20, 30, 40, 50, 60, 70, 80)
BRANCHES: list[Ids] = [(11, 12, 13), (14,), (11, 15)]
SAMPLES: list[tuple[Ids, Ids]] = [
    *((OPENING, branch) for branch in BRANCHES),
    *((OPENING + branch + (99, 98), (k + 1, k + 2)) for k, branch in enumerate(BRANCHES)),
    (OPENING + BRANCHES[0] + (99, 98), (55, 56, 57)),
    ((200, 201), (202,)),
    ((200,), (203, 204, 205, 206)),
    (OPENING, BRANCHES[0]),
]
"""Two turns of a tree, with a repeated sample and strangers of other lengths."""


@pytest.fixture
def model(folder: Path) -> Any:
    return open_model(folder)


def sampling(how: tuple[float, int | None, float]) -> Sampling:
    return Sampling(temperature=how[0], top_k=how[1], top_p=how[2])


def scored(
    model: Any, samples: Sequence[tuple[Ids, Ids]], how: tuple[float, int | None, float], budget: int
) -> list[Tensor]:
    """Token log-probabilities of each sample, in the order of the samples."""
    found: dict[int, Tensor] = {}
    for batch in score(model, samples, sampling(how), 0, budget):
        parts = batch.logprobs.split(batch.owners.bincount().tolist())
        found.update(zip(batch.numbers, parts, strict=True))
    return [found[number] for number in range(len(samples))]


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("budget", [1, 24, 40, 10_000])
def test_packed_logprobs_are_those_of_single_samples(
    model: Any, how: tuple[float, int | None, float], budget: int
) -> None:
    with torch.no_grad():
        for sample, found in zip(SAMPLES, scored(model, SAMPLES, how, budget), strict=True):
            torch.testing.assert_close(found, forced_logprobs(model, *sample, how), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", [PLAIN, CUTS[-1]])
@pytest.mark.parametrize("budget", [1, 40, 10_000])
def test_packed_gradients_are_those_of_single_samples(
    model: Any, how: tuple[float, int | None, float], budget: int
) -> None:
    weights = torch.arange(1.0, len(SAMPLES) + 1)
    alone = sum(
        (w * forced_logprobs(model, *sample, how).sum() for w, sample in zip(weights, SAMPLES, strict=True)),
        start=torch.zeros(()),
    )
    expected = gradients(model, alone)
    together = torch.zeros(())
    for batch in score(model, SAMPLES, sampling(how), 0, budget):
        together = together + (batch.summed(batch.logprobs) * weights[batch.numbers]).sum()
    assert_close(gradients(model, together), expected, tolerance=1e-3)


def test_rows_packed_once_are_scored_alike_twice(model: Any) -> None:
    model = model.bfloat16()
    groups = packed(model, SAMPLES, 40)
    with torch.no_grad():
        for group in groups:
            first, again = (next(score(model, SAMPLES, sampling(PLAIN), 0, 40, [group])) for _ in range(2))
            assert first.numbers == again.numbers
            assert torch.equal(first.logprobs, again.logprobs)
    assert sorted(number for group in groups for row in group for number, _ in row.spans) == list(range(10))


def test_a_family_that_takes_no_masks_shares_no_more_than_an_episode() -> None:
    model = tiny_model("Bloom")
    assert not any(row.branching for group in packed(model, SAMPLES, 10_000) for row in group)
    assert any(row.branching for group in packed(tiny_model("Llama"), SAMPLES, 10_000) for row in group)


def test_the_samples_share_rows_here() -> None:
    rows = pack(SAMPLES, Cost(1.0, 0.0), 10_000)
    assert len(rows) == 2
    assert sum(len(row.tokens) for row in rows) < sum(len(p) + len(a) for p, a in SAMPLES) / 2


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_the_chunked_head_is_the_dense_one(how: tuple[float, int | None, float], chunk: int) -> None:
    model = tiny_model("Gemma 2")
    head, hidden = model.get_output_embeddings(), torch.randn(7, 32, generator=torch.manual_seed(0))
    targets = torch.tensor([0, 49, 3, 3, 17, 20, 8])
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0, 1.0, -1.0, 2.0])

    def outcome(logprobs: Tensor, leaf: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        head.zero_grad()
        (logprobs * weights).sum().backward()
        assert leaf.grad is not None
        assert head.weight.grad is not None
        return logprobs.detach(), leaf.grad, head.weight.grad.clone()

    leaf, other = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    dense = outcome(token_logprobs(head_logits(model, leaf), targets, *how), leaf)
    chunked = outcome(head_logprobs(model, other, targets, sampling(how), chunk), other)
    for found, expected in zip(chunked, dense, strict=True):
        torch.testing.assert_close(found, expected)


def test_token_quantities_are_summed_over_each_action() -> None:
    logprobs = torch.tensor([-1.0, -2.0, -4.0])
    batch = ScoredBatch([4, 2], torch.tensor([0, 0, 1]), logprobs, torch.zeros(2, 1))
    assert batch.summed(batch.logprobs).tolist() == [-3.0, -4.0]
    assert batch.summed(torch.ones(3)).tolist() == [2.0, 1.0]


def test_the_cost_of_a_forward_counts_weights_and_pairs(qwen3: Path) -> None:
    model = open_model(qwen3)
    embedding = model.get_input_embeddings().weight.numel()
    everything = sum(parameter.numel() for parameter in model.parameters())
    assert forward_cost(model) == Cost(2.0 * (everything - embedding), 4.0 * 2 * 2 * 16)
