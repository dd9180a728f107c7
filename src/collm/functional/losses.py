"""Losses whose gradients are the papers' updates, one entry for each sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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
    ratios = importance_ratios(logprobs, behavior_logprobs)
    surrogate = ratios * advantages
    if ratio_clip is not None:
        bounded = ratios.clamp(1 - ratio_clip, 1 + ratio_clip) * advantages
        surrogate = torch.minimum(surrogate, bounded)
    return -surrogate


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
