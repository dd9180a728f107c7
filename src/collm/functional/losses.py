"""Losses whose gradients are the papers' updates, one entry for each sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from collm.functional.kinds import DivergenceKind, RatioKind

_LARGEST_LOG_RATIO = 20.0


@dataclass(frozen=True, slots=True)
class TokenScores:
    """What a policy loss sees of some actions.

    Attributes:
        logprobs: ``"token"`` under the current policy, with gradient.
        behavior: ``"token"`` under the policy that drew them.
        owners: ``"token"``, for each token the sample that it belongs to.
        behavior_sums: ``"sample"``, ``behavior`` of whole actions, summed in float64.
        advantages: ``"sample"``.
        reference: ``"token"`` under the policy that training started with, if it was asked for.
    """

    logprobs: Tensor
    behavior: Tensor
    owners: Tensor
    behavior_sums: Tensor
    advantages: Tensor
    reference: Tensor | None = None

    def summed(self, per_token: Tensor) -> Tensor:
        """Sum a ``"token"`` quantity over each action, ``"sample"``."""
        return per_token.new_zeros(len(self.advantages)).index_add(0, self.owners, per_token)

    def averaged(self, per_token: Tensor) -> Tensor:
        """The mean of a ``"token"`` quantity over each action, ``"sample"``."""
        return self.summed(per_token) / self.summed(torch.ones_like(per_token))

    def still_to_come(self, per_token: Tensor) -> Tensor:
        """At each token, a quantity's sum over it and the later ones of its action, ``"token"``."""
        sizes = self.owners.bincount(minlength=len(self.advantages)).tolist()
        return torch.cat([one.flip(0).cumsum(0).flip(0) for one in torch.split(per_token, sizes)])


def importance_ratios(logprobs: Tensor, behavior_logprobs: Tensor) -> Tensor:
    """``rho = pi(a | h) / pi_behavior(a | h)`` of whole actions (paper equation 1).

    Args:
        logprobs, behavior_logprobs: ``"sample"``, summed over an action's tokens.
    """
    return (logprobs - behavior_logprobs).clamp(max=_LARGEST_LOG_RATIO).exp()


def policy_gradient_losses(
    logprobs: Tensor, behavior_logprobs: Tensor, advantages: Tensor, ratio_clip: float | None = None
) -> Tensor:
    """Minus ``rho * advantage``, whose gradient is ``-rho * grad log pi * advantage`` (equations 1, 2, 4).

    Args:
        logprobs: ``"sample"``, with gradient.
        behavior_logprobs, advantages: ``"sample"``, constants.
        ratio_clip: if set, the pessimistic clipped surrogate of PPO with this range (Schulman et al. 2017).

    Returns:
        ``"sample"``.
    """
    return _surrogates(importance_ratios(logprobs, behavior_logprobs), advantages, ratio_clip)


def _surrogates(ratios: Tensor, advantages: Tensor, ratio_clip: float | None) -> Tensor:
    surrogate = ratios * advantages
    if ratio_clip is not None:
        bounded = ratios.clamp(1 - ratio_clip, 1 + ratio_clip) * advantages
        surrogate = torch.minimum(surrogate, bounded)
    return -surrogate


def ratios_of(scores: TokenScores, kind: RatioKind) -> Tensor:
    """Importance ratios: ``"token"`` for the kind of that name, else ``"sample"``.

    ``geometric`` is the ``n``-th root of an action's ratio, ``n`` its tokens (Zheng et al. 2025, GSPO): it
    does not explode with length, and its on-policy gradient is that of the sequence over ``n``.
    """
    if kind == "token":
        return importance_ratios(scores.logprobs, scores.behavior)
    if kind == "geometric":
        return importance_ratios(scores.averaged(scores.logprobs), scores.averaged(scores.behavior))
    return importance_ratios(scores.summed(scores.logprobs), scores.behavior_sums)


def surrogate_losses(
    scores: TokenScores, kind: RatioKind, ratio_clip: float | None, ratio_cap: float | None = None
) -> Tensor:
    """Minus ratio times advantage, clipped or capped if asked for, ``"sample"``; of tokens, their sum."""
    ratios = ratios_of(scores, kind)
    if ratio_cap is not None:
        ratios = _capped(ratios, ratio_cap)
    if kind != "token":
        return _surrogates(ratios, scores.advantages, ratio_clip)
    return scores.summed(_surrogates(ratios, scores.advantages[scores.owners], ratio_clip))


def _capped(ratios: Tensor, cap: float) -> Tensor:
    """``min(ratio, cap)``; its gradient is as much as that times the gradient of the ratio's logarithm.

    Truncated importance weights (Ionides 2008): unlike a clip, they go on learning from what is beyond.
    """
    return ratios * (cap / ratios.detach()).clamp(max=1)


def clipped_shares(scores: TokenScores, kind: RatioKind, ratio_clip: float) -> Tensor:
    """The share of an action's ratios that lie outside the clip, ``"sample"``."""
    return _shares(scores, kind, (ratios_of(scores, kind) - 1).abs() > ratio_clip)


def capped_shares(scores: TokenScores, kind: RatioKind, ratio_cap: float) -> Tensor:
    """The share of an action's ratios that are larger than the cap, ``"sample"``."""
    return _shares(scores, kind, ratios_of(scores, kind) > ratio_cap)


def _shares(scores: TokenScores, kind: RatioKind, outside: Tensor) -> Tensor:
    shares = outside.to(scores.advantages.dtype)
    return scores.averaged(shares) if kind == "token" else shares


def entropy_losses(scores: TokenScores) -> Tensor:
    """An estimate of minus the entropy, summed over an action's tokens; its gradient is unbiased too.

    Each token's ``-log pi`` is its advantage. What a token does to the entropy of later ones is left out,
    as in PPO's bonus. ``"sample"``.
    """
    logprobs = scores.logprobs
    return scores.summed(policy_gradient_losses(logprobs, scores.behavior, -logprobs.detach()))


def divergence_losses(scores: TokenScores, kind: DivergenceKind) -> Tensor:
    """The divergence of each action's tokens from the reference, ``"sample"``.

    ``k3`` is :func:`token_divergences`. ``k2`` is half the squared log-ratio: on the policy's own samples
    its gradient is that of KL(policy || reference) at each token. ``reward`` charges every token for its
    own and the action's later log-ratios, as if they were subtracted from the reward.
    """
    assert scores.reference is not None
    if kind == "k3":
        return scores.summed(token_divergences(scores.logprobs, scores.reference))
    if kind == "k2":
        return scores.summed((scores.logprobs - scores.reference).square() / 2)
    costs = scores.still_to_come(scores.behavior - scores.reference)
    return scores.summed(policy_gradient_losses(scores.logprobs, scores.behavior, -costs))


def token_divergences(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """Unbiased, non-negative estimate of KL(policy || reference) at each sampled token.

    ``exp(d) - d - 1`` with ``d = reference - policy`` (Schulman 2020, estimator k3). Its gradient by the
    policy's log-probabilities, the samples held fixed, is on average that of KL(reference || policy).
    """
    difference = (reference_logprobs - logprobs).clamp(max=_LARGEST_LOG_RATIO)
    return difference.exp() - difference - 1


def value_losses(values: Tensor, targets: Tensor) -> Tensor:
    """``(target - V)^2`` with a constant target (equations 3 and 5 as semi-gradients), ``"sample"``."""
    return (targets.detach() - values).square()


def clipped_value_losses(values: Tensor, targets: Tensor, first: Tensor, clip: float) -> Tensor:
    """The larger of a value's loss and that of the value kept within ``clip`` of ``first``, ``"sample"``.

    A step that carries a value further from where it began teaches nothing if it lowers the loss there
    (PPO's implementation, Schulman et al. 2017).
    """
    kept = first + (values - first).clamp(-clip, clip)
    return torch.maximum(value_losses(values, targets), value_losses(kept, targets))
