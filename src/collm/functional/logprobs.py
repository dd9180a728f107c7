"""Log-probabilities of tokens under the sampling distribution.

The *policy* is the distribution that samples are drawn from: logits over temperature, cut by top-k and
top-p, renormalized. Scoring uses the same cuts as sampling, so an importance ratio is exactly 1 until
the weights change. A token that falls outside the cut after an update keeps a finite score: it is
renormalized together with the tokens inside.
"""

from __future__ import annotations

import torch
from torch import Tensor


def kept_tokens(logits: Tensor, top_k: int | None, top_p: float) -> Tensor | None:
    """Which tokens the cuts leave, ``None`` if all.

    Args:
        logits: ``"... vocabulary"``, already divided by the temperature.
        top_k: keep the k most likely; of equal ones the first, so that sampling and scoring agree.
        top_p: keep the smallest set of most likely tokens whose probability reaches p.

    Returns:
        Boolean ``"... vocabulary"``.
    """
    if top_k is None and top_p >= 1.0:
        return None
    ordered, order = logits.detach().sort(dim=-1, descending=True, stable=True)
    keep = torch.ones_like(ordered, dtype=torch.bool)
    if top_k is not None:
        keep[..., top_k:] = False
    if top_p < 1.0:
        probabilities = ordered.masked_fill(~keep, -torch.inf).softmax(dim=-1)
        keep &= probabilities.cumsum(dim=-1) - probabilities < top_p
    return torch.zeros_like(keep).scatter(-1, order, keep)


def cut(logits: Tensor, temperature: float, top_k: int | None, top_p: float) -> Tensor:
    """Logits of the sampling distribution in float32; tokens cut away are at minus infinity."""
    scaled = logits.float() / temperature
    kept = kept_tokens(scaled, top_k, top_p)
    return scaled if kept is None else scaled.masked_fill(~kept, -torch.inf)


def token_logprobs(
    logits: Tensor, tokens: Tensor, temperature: float, top_k: int | None, top_p: float
) -> Tensor:
    """Log-probability of each token under the sampling distribution.

    Args:
        logits: ``"token vocabulary"``.
        tokens: ``"token"``, the ids to score.

    Returns:
        ``"token"``, finite even for tokens outside the cut.
    """
    scaled = logits.float() / temperature
    kept = kept_tokens(scaled, top_k, top_p)
    if kept is not None:
        kept = kept.scatter(-1, tokens.unsqueeze(-1), True)
        scaled = scaled.masked_fill(~kept, -torch.inf)
    chosen = scaled.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen - scaled.logsumexp(dim=-1)


def draw(cut_logits: Tensor, uniforms: Tensor) -> Tensor:
    """Sample by inverting the cumulative distribution: one number decides one token.

    Args:
        cut_logits: ``"row vocabulary"`` as returned by :func:`cut`.
        uniforms: ``"row"`` in [0, 1); each row's noise is its own, whatever shares the batch.

    Returns:
        ``"row"``, token ids.
    """
    home = float64_device(cut_logits.device)
    cumulative = cut_logits.to(home).double().softmax(dim=-1).cumsum(dim=-1)
    threshold = uniforms.to(home).double().unsqueeze(-1) * cumulative[..., -1:]
    tokens = torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
    return tokens.clamp_max(cut_logits.shape[-1] - 1).to(cut_logits.device)


def float64_device(device: torch.device) -> torch.device:
    """The nearest device that knows float64: Apple's GPUs do not, the CPU beside them does."""
    return torch.device("cpu") if device.type == "mps" else device
