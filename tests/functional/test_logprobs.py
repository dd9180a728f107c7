from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from collm.functional.logprobs import cut, draw, float64_device, kept_tokens, token_logprobs

HALF = torch.tensor([[0.3, 0.5, 0.2]]).log()
"""Logits of a distribution over three tokens; the second is the most likely."""

cuts = st.tuples(
    st.floats(0.25, 4.0),
    st.none() | st.integers(1, 8),
    st.sampled_from([0.1, 0.5, 0.9, 0.999, 1.0]),
)
logits_rows = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=8)


def probabilities(temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0) -> list[float]:
    return cut(HALF, temperature, top_k, top_p).softmax(-1)[0].tolist()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p", "expected"),
    [
        (1.0, None, 1.0, [0.3, 0.5, 0.2]),
        (0.5, None, 1.0, [0.09 / 0.38, 0.25 / 0.38, 0.04 / 0.38]),
        (1.0, 2, 1.0, [0.375, 0.625, 0.0]),
        (1.0, 1, 1.0, [0.0, 1.0, 0.0]),
        (1.0, 7, 1.0, [0.3, 0.5, 0.2]),
        (1.0, None, 0.4, [0.0, 1.0, 0.0]),
        (1.0, None, 0.6, [0.375, 0.625, 0.0]),
        (1.0, None, 0.79, [0.375, 0.625, 0.0]),
        (1.0, None, 0.81, [0.3, 0.5, 0.2]),
        (1.0, 2, 0.6, [0.0, 1.0, 0.0]),
        (1.0, 2, 0.7, [0.375, 0.625, 0.0]),
        (0.5, None, 0.65, [0.0, 1.0, 0.0]),
    ],
)
def test_the_sampling_distribution(
    temperature: float, top_k: int | None, top_p: float, expected: list[float]
) -> None:
    assert probabilities(temperature, top_k, top_p) == pytest.approx(expected)


def test_without_cuts_nothing_is_sorted() -> None:
    assert kept_tokens(HALF, None, 1.0) is None


def test_the_earlier_of_equal_tokens_is_kept() -> None:
    equal = torch.zeros(3, 64)
    kept = kept_tokens(equal, 5, 1.0)
    assert kept is not None
    assert kept.sum(-1).tolist() == [5, 5, 5]
    assert bool(kept[:, :5].all())


@given(logits_rows, cuts)
def test_scores_are_the_log_of_the_sampling_distribution(
    row: list[float], how: tuple[float, int | None, float]
) -> None:
    logits = torch.tensor(row)
    allowed = cut(logits, *how)
    inside = torch.isfinite(allowed).nonzero().flatten()
    scores = token_logprobs(logits.expand(len(inside), -1), inside, *how)
    torch.testing.assert_close(scores, allowed.log_softmax(-1)[inside])
    assert float(scores.exp().sum()) == pytest.approx(1.0, abs=1e-5)


@given(logits_rows, cuts)
def test_every_token_has_a_finite_score_and_gradient(
    row: list[float], how: tuple[float, int | None, float]
) -> None:
    logits = torch.tensor(row).expand(len(row), -1).clone().requires_grad_()
    scores = token_logprobs(logits, torch.arange(len(row)), *how)
    scores.sum().backward()
    assert bool(torch.isfinite(scores).all())
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


def test_a_token_outside_the_nucleus_is_scored_together_with_it() -> None:
    score = token_logprobs(HALF, torch.tensor([2]), 1.0, None, 0.4)
    assert float(score) == pytest.approx(math.log(0.2 / 0.7))


def test_the_gradient_of_a_score_is_indicator_minus_probability() -> None:
    logits = HALF.clone().requires_grad_()
    token_logprobs(logits, torch.tensor([0]), 1.0, None, 1.0).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.7, -0.5, -0.2])


def test_the_gradient_of_a_score_with_temperature_and_top_k() -> None:
    logits = HALF.clone().requires_grad_()
    token_logprobs(logits, torch.tensor([0]), 0.5, 2, 1.0).sum().backward()
    assert logits.grad is not None
    share = 0.09 / 0.34
    assert logits.grad[0].tolist() == pytest.approx([2 * (1 - share), -2 * (1 - share), 0.0])


def test_half_precision_logits_are_scored_in_float32() -> None:
    scores = token_logprobs(HALF.bfloat16(), torch.tensor([1]), 1.0, None, 1.0)
    assert scores.dtype == torch.float32


def drawn(probabilities: list[float], uniforms: list[float]) -> list[int]:
    logits = torch.tensor(probabilities).log().expand(len(uniforms), -1)
    return draw(logits, torch.tensor(uniforms, dtype=torch.float64)).tolist()


def test_draw_inverts_the_cumulative_distribution() -> None:
    uniforms = [0.0, 0.49, 0.51, 0.79, 0.81, 1 - 2**-53]
    assert drawn([0.5, 0.0, 0.3, 0.2], uniforms) == [0, 0, 2, 2, 3, 3]


def test_draw_ignores_impossible_tokens_at_both_ends() -> None:
    assert drawn([0.0, 0.0, 0.25, 0.75, 0.0], [0.0, 0.2, 0.3, 1 - 2**-53]) == [2, 2, 3, 3]


def test_draw_frequencies_match_the_probabilities() -> None:
    uniforms = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    tokens = draw(torch.tensor([0.1, 0.25, 0.05, 0.6]).log().expand(1000, -1), uniforms)
    assert tokens.bincount().tolist() == [100, 250, 50, 600]


@given(logits_rows, cuts, st.floats(0, 1, exclude_max=True))
def test_a_drawn_token_is_possible(
    row: list[float], how: tuple[float, int | None, float], uniform: float
) -> None:
    allowed = cut(torch.tensor([row]), *how)
    token = int(draw(allowed, torch.tensor([uniform], dtype=torch.float64)))
    assert float(allowed[0, token]) > -math.inf


def test_each_row_is_drawn_by_its_own_number() -> None:
    logits = torch.randn(16, 50, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alone: list[Tensor] = [draw(logits[i : i + 1], uniforms[i : i + 1]) for i in range(16)]
    assert draw(logits, uniforms).tolist() == torch.cat(alone).tolist()


def test_an_apple_gpu_leaves_float64_to_the_cpu() -> None:
    assert float64_device(torch.device("mps")) == torch.device("cpu")
    assert float64_device(torch.device("cuda:1")) == torch.device("cuda:1")
