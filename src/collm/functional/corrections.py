"""Weights for samples that a copy of the policy drew with slightly other probabilities."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collm.functional.kinds import CorrectionKind


def truncated_weights(
    trainer: Tensor, sampler: Tensor, owners: Tensor, kind: CorrectionKind, cap: float
) -> Tensor:
    """``min(pi_trainer / pi_sampler, cap)`` of each token, or of the whole action that it belongs to.

    Source: truncated importance sampling (Ionides 2008): the truncation bounds the variance, and biases
    where it bites.

    Args:
        trainer, sampler: ``"token"``, log-probabilities of the same tokens under the same weights.
        owners: ``"token"``, for each token the action that it belongs to, counted from 0.
        kind: whose quotient it is.
        cap: the largest weight.

    Returns:
        ``"token"``, constants.
    """
    logs = (trainer - sampler).detach()
    if kind == "sequence":
        sums = logs.new_zeros(len(torch.bincount(owners))).index_add(0, owners, logs)
        logs = sums[owners]
    return logs.clamp(max=math.log(cap)).exp()


def reweighted(logprobs: Tensor, weights: Tensor) -> Tensor:
    """The same numbers, ``"token"``, whose gradients are multiplied by constant weights."""
    constants = logprobs.detach()
    return constants + weights * (logprobs - constants)
