"""What is drawn and how one token is chosen: one random stream for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collm.engines.cache import RowCache
from collm.functional.logprobs import cut, draw
from collm.models.config import Sampling
from collm.types import FinishReason


@dataclass(frozen=True, slots=True)
class Draft:
    """One sample to draw: what it is conditioned on and the seed of its noise."""

    context: tuple[int, ...]
    cached: RowCache | None
    seed: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """A drawn sample and the states of its context and all its tokens but the last, if they can be kept."""

    token_ids: tuple[int, ...]
    token_logprobs: tuple[float, ...]
    finish_reason: FinishReason
    cache: RowCache


def choose(logits: Tensor, uniforms: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Tokens ``"row"`` and their log-probabilities; greedy choices are scored at temperature 1."""
    if sampling.temperature == 0:
        tokens, allowed = logits.argmax(dim=-1), logits.float()
    else:
        allowed = cut(logits, sampling.temperature, sampling.top_k, sampling.top_p)
        tokens = draw(allowed, uniforms)
    return tokens, allowed.log_softmax(dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)


def noise(seeds: Sequence[int], count: int) -> Tensor:
    """Uniform numbers ``"sample token"``, each row from its own seed."""
    rows = [
        torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed in seeds
    ]
    return torch.stack(rows)
