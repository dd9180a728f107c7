"""Bootstrap intervals: how far a mean would move if the runs, or the tasks, had been others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_RESAMPLES = 2000


def bootstrap_interval(values: Any, counts: Any = 1.0, seed: int = 0) -> tuple[Any, Any]:
    """95 % interval of a mean over the first axis, by resampling it (percentile method).

    Args:
        values: ``"run point"``; of groups, such as all turns of a task, the sum over each.
        counts: how many values each group has, ``"run point"`` too; the mean is that over all of them.

    Returns:
        Lower and upper bounds, ``"point"`` each.
    """
    stream = np.random.default_rng(seed)
    picks = stream.integers(len(values), size=(_RESAMPLES, len(values)))
    weights = np.broadcast_to(np.asarray(counts, dtype=float), np.shape(values))
    means = values[picks].sum(axis=1) / weights[picks].sum(axis=1)
    return np.quantile(means, 0.025, axis=0), np.quantile(means, 0.975, axis=0)


def over_groups(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """95 % interval of the mean of all values, whole groups, such as tasks, being drawn anew."""
    filled = [group for group in groups if group]
    sums, counts = np.array([sum(group) for group in filled]), np.array([len(group) for group in filled])
    low, high = bootstrap_interval(sums, counts)
    return float(low), float(high)
