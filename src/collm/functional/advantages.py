"""Baselines and scaling of advantages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_EPSILON = 1e-6


def group_relative(returns: Tensor, groups: Sequence[int], scale_by_std: bool = False) -> Tensor:
    """Each return less the mean of its siblings, the ones sampled from the same history (paper section 5.2).

    Args:
        returns: ``"turn"``.
        groups: a label for each turn; siblings share theirs. A group of one gets advantage 0.
        scale_by_std: divide by the group's standard deviation too, as the reference code does.

    Returns:
        ``"turn"``.
    """
    labels = torch.as_tensor(list(groups))
    advantages = torch.zeros_like(returns)
    for label in sorted(set(groups)):
        members = labels == label
        advantages[members] = standardized(returns[members], center=True, scale=scale_by_std)
    return advantages


def leave_one_out(returns: Tensor, groups: Sequence[int], actions: Sequence[str]) -> Tensor:
    """Each return less the mean of its siblings in which the agent acted otherwise (Kool et al. 2019, RLOO).

    What an action is compared with does not depend on it, so the gradient stays unbiased; that holds for
    crossed joint actions too, of which several share one agent's action. With nothing to compare with,
    the return stays.

    Args:
        returns: ``"turn"``.
        groups: as :func:`group_relative` has them.
        actions: the agent's own, by name; equal names are one sample.
    """
    advantages = returns.clone()
    for number, (group, action) in enumerate(zip(groups, actions, strict=True)):
        others = [
            other
            for other, (near, instead) in enumerate(zip(groups, actions, strict=True))
            if near == group and instead != action
        ]
        if others:
            advantages[number] -= returns[others].double().mean().to(returns.dtype)
    return advantages


def less_largest(returns: Tensor, groups: Sequence[int]) -> Tensor:
    """Each return less the largest of its group, never positive; ``"turn"``."""
    labels = torch.as_tensor(list(groups))
    largest = [returns[labels == label].max() for label in labels]
    return returns - torch.stack(largest)


def standardized(values: Tensor, center: bool = True, scale: bool = True) -> Tensor:
    """``(values - mean) / std``, either part optional; the population's deviation.

    In float64: float32 rounds the mean of equal values away from them, and the division would turn that
    into advantages of about 1 where there are none.
    """
    exact = values.double()
    centered = exact - exact.mean() if center else exact
    if scale:
        centered = centered / (exact.std(correction=0) + _EPSILON)
    return centered.to(values.dtype)


def clipped(advantages: Tensor, limit: float | None) -> Tensor:
    """Advantages cut to ``[-limit, limit]`` (paper appendix C.3, "advantage clip")."""
    return advantages if limit is None else advantages.clamp(-limit, limit)
