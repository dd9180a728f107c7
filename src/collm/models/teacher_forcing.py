"""Teacher-forced log-probabilities of actions: one pass over each packed row (paper section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from collm.functional.logprobs import token_logprobs
from collm.models.config import Sampling
from collm.models.families import family, head_logits, text_config, trunk
from collm.models.masks import model_inputs
from collm.models.packing import Cost, pack
from collm.models.rows import Row, microbatches
from collm.types import Ids

WITHIN = "collm_within"
"""The method with which a model whose weights are spread over processes brings them together for a pass."""

_CHUNK_LOGITS = 2**25
"""Logits held at once; a chunk is computed again in the backward pass."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Log-probabilities of some samples' action tokens.

    Attributes:
        numbers: which samples, in the order of ``owners``.
        owners: ``"token"``, for each token the index into ``numbers``.
        logprobs: ``"token"``.
        before: ``"sample width"``, hidden states of the last token before each action.
    """

    numbers: list[int]
    owners: Tensor
    logprobs: Tensor
    before: Tensor

    def summed(self, per_token: Tensor) -> Tensor:
        """Sum a ``"token"`` quantity over each action, ``"sample"``."""
        return per_token.new_zeros(len(self.numbers)).index_add(0, self.owners, per_token)

    def split(self, per_token: Tensor) -> tuple[Tensor, ...]:
        """A ``"token"`` quantity by sample, in the order of ``numbers``."""
        sizes = self.owners.bincount(minlength=len(self.numbers)).tolist()
        return tuple(torch.split(per_token, sizes))


def chosen_of(batch: ScoredBatch, numbers: Sequence[int]) -> ScoredBatch:
    """Some of a batch's samples alone, numbered anew in their order here."""
    places = {number: place for place, number in enumerate(batch.numbers)}
    rows = [places[number] for number in numbers]
    parts = batch.split(batch.logprobs)
    chosen = [parts[row] for row in rows]
    sizes = torch.tensor([len(part) for part in chosen])
    owners = torch.arange(len(rows)).repeat_interleave(sizes).to(batch.owners.device)
    return ScoredBatch(list(range(len(rows))), owners, torch.cat(chosen), batch.before[rows])


def forward_cost(model: Any) -> Cost:
    """Relative work of a model's forward pass: twice its parameters a token, scores and sums a pair."""
    config = text_config(model)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weights = sum(_numbers(p) for name, p in model.named_parameters() if "embed" not in name)
    return Cost(2.0 * weights, 4.0 * config.num_hidden_layers * config.num_attention_heads * head_dim)


def _numbers(weights: Tensor) -> int:
    """How many numbers a parameter holds: two of 4 bits in a byte."""
    return weights.numel() * (2 if weights.dtype == torch.uint8 else 1)


def packed(model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int) -> list[list[Row]]:
    """Microbatches of at most ``batch_tokens`` tokens; the same ones scored twice give the same rounding.

    Rows branch where that saves work and the family honours it; else only an episode's turns share a row.
    """
    return list(microbatches(packed_rows(model, samples, batch_tokens), batch_tokens))


def packed_rows(model: Any, samples: Sequence[tuple[Ids, Ids]], max_tokens: int) -> list[Row]:
    """The rows of :func:`packed`; one that branches does not grow beyond ``max_tokens``."""
    if family(model).branching:
        return pack(samples, forward_cost(model), max_tokens)
    return pack(samples, Cost(0.0, 1.0), max_tokens=0)


def score(
    model: Any,
    samples: Sequence[tuple[Ids, Ids]],
    sampling: Sampling,
    pad: int,
    batch_tokens: int,
    groups: Sequence[Sequence[Row]] | None = None,
) -> Iterator[ScoredBatch]:
    """Score every (prompt, action) pair once, in microbatches of at most ``batch_tokens`` tokens.

    Args:
        model: a causal language model.
        samples: prompts and actions, non-empty.
        sampling: temperature and cuts of the policy.
        pad: fills rows; never attended to.
        batch_tokens: bounds memory, not results.
        groups: microbatches made by :func:`packed` from the same samples, or some of them.
    """
    for group in packed(model, samples, batch_tokens) if groups is None else groups:
        yield _with_weights(model, partial(_score_rows, model, samples, group, sampling, pad))


def _with_weights(model: Any, scored: Callable[[], ScoredBatch]) -> ScoredBatch:
    """What a pass over a model gives, which has all of its weights by then."""
    within: Callable[[Callable[[], ScoredBatch]], ScoredBatch] | None = getattr(model, WITHIN, None)
    return scored() if within is None else within(scored)


def _score_rows(
    model: Any, samples: Sequence[tuple[Ids, Ids]], rows: Sequence[Row], sampling: Sampling, pad: int
) -> ScoredBatch:
    hidden = trunk(model)(**model_inputs(rows, pad, model), use_cache=False).last_hidden_state
    width = hidden.shape[1]
    spans = [
        (number, index * width, columns) for index, row in enumerate(rows) for number, columns in row.spans
    ]
    columns = [offset + column for _, offset, columns in spans for column in columns]
    targets = [token for number, _, _ in spans for token in samples[number][1]]
    owners = [index for index, (_, _, columns) in enumerate(spans) for _ in columns]
    firsts = [0, *accumulate(len(columns) for _, _, columns in spans)][:-1]
    numbers = partial(torch.tensor, dtype=torch.long, device=hidden.device)
    chosen = hidden.flatten(0, 1)[numbers(columns)]
    logprobs = head_logprobs(model, chosen, numbers(targets), sampling)
    return ScoredBatch([number for number, _, _ in spans], numbers(owners), logprobs, chosen[numbers(firsts)])


def head_logprobs(
    model: Any, hidden: Tensor, targets: Tensor, sampling: Sampling, chunk: int | None = None
) -> Tensor:
    """Log-probabilities from hidden states, in chunks so that no full logits tensor exists.

    Args:
        model: whose head and family say what logits are.
        hidden: ``"token width"``.
        targets: ``"token"``.
        chunk: tokens at once; by default as many as keep the logits within bounds.
    """

    def one(part: Tensor, tokens: Tensor) -> Tensor:
        return token_logprobs(
            head_logits(model, part), tokens, sampling.temperature, sampling.top_k, sampling.top_p
        )

    size = chunk or max(1, _CHUNK_LOGITS // text_config(model).vocab_size)
    if len(targets) <= size:
        return one(hidden, targets)
    parts = zip(hidden.split(size), targets.split(size), strict=True)
    return torch.cat([checkpoint(one, part, tokens, use_reentrant=False) for part, tokens in parts])
