"""Returns and temporal-difference estimates over turns."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def tree_returns(rewards: Tensor, parents: Sequence[int | None], discount: float) -> Tensor:
    """Monte-Carlo return of every joint turn of a tree (paper section 3.1).

    ``G = r + discount * mean over children of G``: with one child it is the discounted sum of rewards.

    Args:
        rewards: ``"turn"``, parents before children.
        parents: index of each turn's parent, ``None`` at a root.

    Returns:
        ``"turn"``.
    """
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents):
        if parent is not None:
            children.setdefault(parent, []).append(index)
    returns = rewards.clone()
    for index in reversed(range(len(parents))):
        if index in children:
            returns[index] += discount * returns[children[index]].mean()
    return returns


def td_residuals(rewards: Tensor, values: Tensor, next_values: Tensor, discount: float) -> Tensor:
    """``delta_t = r_t + discount * V(h_{t+1}) - V(h_t)`` (paper section 3.2, below equations 2 and 4).

    Args:
        rewards, values: ``"turn"``.
        next_values: ``"turn"``; 0 after a terminated turn.
    """
    return rewards + discount * next_values - values


def lambda_advantages(
    residuals: Tensor, parents: Sequence[int | None], discount: float, trace_decay: float
) -> Tensor:
    """Generalized advantage estimation: ``A_t = delta_t + discount * trace_decay * mean over children of A``.

    Source: Schulman et al. 2016, equation 16, for a tree as for one episode. ``trace_decay = 0`` gives the
    one-step residual of the paper's equations 2 and 4; 1 gives the Monte-Carlo return less the value.

    Args:
        residuals: ``"turn"``.
        parents: as :func:`tree_returns` has them.
    """
    return tree_returns(residuals, parents, discount * trace_decay)


def n_step_advantages(
    residuals: Tensor, parents: Sequence[int | None], discount: float, steps: int
) -> Tensor:
    """``delta_t + discount * mean over children of theirs + ...``, ``steps`` residuals in all.

    Values between telescope: what is left is ``steps`` rewards and the value after them, less ``V(h_t)``.

    Args:
        residuals, parents: as :func:`lambda_advantages` has them.
    """
    advantages = residuals
    for _ in range(min(steps, len(parents)) - 1):  # no path is longer than its tree
        advantages = residuals + discount * children_means(advantages, parents)
    return advantages


def children_means(values: Tensor, parents: Sequence[int | None]) -> Tensor:
    """The mean over each turn's children of some values, 0 where nothing follows; ``"turn"``."""
    means = values.new_zeros(len(parents))
    for parent in {one for one in parents if one is not None}:
        means[parent] = values[[child for child, one in enumerate(parents) if one == parent]].mean()
    return means
