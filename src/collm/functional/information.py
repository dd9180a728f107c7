"""Bounds on the mutual information of pairs, from what a model says of every left with every right side."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus


def information_lower_bounds(scores: Tensor) -> Tensor:
    """Each pair's share in the Jensen-Shannon lower bound (Hjelm et al. 2019), on that divergence's scale.

    ``log 2 - softplus(-T_ii)`` less the mean over others ``j`` of ``softplus(T_ij) - log 2``. Its mean is
    what training raises; 0 for a model that says 0, at most ``2 log 2``.

    Args:
        scores: ``"left right"``, ``T_ij`` for left side ``i`` with right side ``j``; at least two.

    Returns:
        ``"pair"``.
    """
    others = _mean_of_others(softplus(scores) - math.log(2))
    return math.log(2) - softplus(-scores.diagonal()) - others


def information_upper_bounds(logprobs: Tensor) -> Tensor:
    """Each pair's share in CLUB (Cheng et al. 2020), in nats: ``log q(j=i | i)`` less its mean over others.

    The mean bounds the mutual information from above if ``q`` is the true conditional; else it estimates.

    Args:
        logprobs: ``"left right"``, of right side ``j`` given left side ``i``; at least two.

    Returns:
        ``"pair"``.
    """
    return logprobs.diagonal() - _mean_of_others(logprobs)


def _mean_of_others(values: Tensor) -> Tensor:
    """The mean of each row without the diagonal, ``"row"``."""
    off = values * (1 - torch.eye(len(values)).to(values))
    return off.sum(1) / (len(values) - 1)
