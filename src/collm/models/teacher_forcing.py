"""Teacher-forced log-probabilities of actions: one pass over each packed row (paper section 4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from collm.agents.config import Sampling
from collm.functional.logprobs import token_logprobs
from collm.models.packing import Cost, Ids, Row, microbatches, model_inputs, pack

_CHUNK_LOGITS = 2**25
"""Logits held at once; a chunk is computed again in the backward pass."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Log-probabilities of some samples' action tokens.

    Attributes:
        numbers: which samples, in the order of ``owners``.
        owners: ``"token"``, for each token the index into ``numbers``.
        logprobs: ``"token"``.
    """

    numbers: list[int]
    owners: Tensor
    logprobs: Tensor

    def summed(self, per_token: Tensor) -> Tensor:
        """Sum a ``"token"`` quantity over each action, ``"sample"``."""
        return per_token.new_zeros(len(self.numbers)).index_add(0, self.owners, per_token)

    def split(self, per_token: Tensor) -> tuple[Tensor, ...]:
        """A ``"token"`` quantity by sample, in the order of ``numbers``."""
        sizes = self.owners.bincount(minlength=len(self.numbers)).tolist()
        return tuple(torch.split(per_token, sizes))


def forward_cost(model: Any) -> Cost:
    """Relative work of a model's forward pass: twice its parameters a token, scores and sums a pair."""
    config = model.config
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    weights = sum(p.numel() for name, p in model.named_parameters() if "embed" not in name)
    return Cost(2.0 * weights, 4.0 * config.num_hidden_layers * config.num_attention_heads * head_dim)


def score(
    model: Any, samples: Sequence[tuple[Ids, Ids]], sampling: Sampling, pad: int, batch_tokens: int
) -> Iterator[ScoredBatch]:
    """Score every (prompt, action) pair once, in microbatches of at most ``batch_tokens`` tokens."""
    rows = pack(samples, forward_cost(model), batch_tokens)
    for group in microbatches(rows, batch_tokens):
        yield _score_rows(model, samples, group, sampling, pad)


def _score_rows(
    model: Any, samples: Sequence[tuple[Ids, Ids]], rows: Sequence[Row], sampling: Sampling, pad: int
) -> ScoredBatch:
    inputs = model_inputs(rows, pad, model.device)
    hidden = model.base_model(**inputs, use_cache=False).last_hidden_state
    width = hidden.shape[1]
    spans = [
        (number, index * width, columns) for index, row in enumerate(rows) for number, columns in row.spans
    ]
    columns = [offset + column for _, offset, columns in spans for column in columns]
    targets = [token for number, _, _ in spans for token in samples[number][1]]
    owners = [index for index, (_, _, columns) in enumerate(spans) for _ in columns]
    chosen = hidden.flatten(0, 1)[torch.tensor(columns, device=hidden.device)]
    logprobs = head_logprobs(
        model.get_output_embeddings(), chosen, torch.tensor(targets, device=hidden.device), sampling
    )
    return ScoredBatch(
        [number for number, _, _ in spans], torch.tensor(owners, device=hidden.device), logprobs
    )


def head_logprobs(
    head: Any, hidden: Tensor, targets: Tensor, sampling: Sampling, chunk: int | None = None
) -> Tensor:
    """Log-probabilities from hidden states, in chunks so that no full logits tensor exists.

    Args:
        head: the language-model head.
        hidden: ``"token width"``.
        targets: ``"token"``.
        chunk: tokens at once; by default as many as keep the logits within bounds.
    """

    def one(part: Tensor, tokens: Tensor) -> Tensor:
        return token_logprobs(head(part), tokens, sampling.temperature, sampling.top_k, sampling.top_p)

    size = chunk or max(1, _CHUNK_LOGITS // head.weight.shape[0])
    if len(targets) <= size:
        return one(hidden, targets)
    parts = zip(hidden.split(size), targets.split(size), strict=True)
    return torch.cat([checkpoint(one, part, tokens, use_reentrant=False) for part, tokens in parts])
