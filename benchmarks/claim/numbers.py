"""From rows of runs to what the page says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import numpy as np

from benchmarks.claim.cells import TUNING_SEEDS
from benchmarks.claim.running import Row
from collm.evaluation.bootstrap import bootstrap_interval

LEVEL = 0.75
"""The share of the best return whose price in joint samples is told; blind guessing earns 0.5."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """One method's scores less another's on the same seeds; ``ahead`` on how many of ``seeds``."""

    difference: Mean
    ahead: int
    seeds: int


def of(rows: Iterable[Row], arm: str, method: str) -> dict[int, Row]:
    """The rows that count of an arm and a method, by seed."""
    return {
        row["seed"]: row
        for row in rows
        if (row["arm"], row["method"]) == (arm, method) and row["seed"] not in TUNING_SEEDS
    }


def mean_of(values: Sequence[float]) -> Mean:
    low, high = bootstrap_interval(np.array(values))
    return Mean(fmean(values), float(low), float(high))


def paired(rows: Sequence[Row], arm: str, one: str, other: str) -> Paired | None:
    """``None`` if the two have no seed in common."""
    ones, others = of(rows, arm, one), of(rows, arm, other)
    gaps = [ones[seed]["score"] - others[seed]["score"] for seed in sorted(ones.keys() & others.keys())]
    return Paired(mean_of(gaps), sum(gap > 0 for gap in gaps), len(gaps)) if gaps else None


def samples_to(row: Row, level: float = LEVEL) -> float | None:
    """Joint samples at which a run's curve, drawn with straight lines, first reaches a level."""
    points = list(zip(row["samples"], row["shares"], strict=True))
    for (x, y), (beyond, above) in pairwise(points):
        if y < level <= above:
            return float(x + (beyond - x) * (level - y) / (above - y))
    return float(points[0][0]) if points[0][1] >= level else None


def median_samples_to(rows: Iterable[Row], level: float = LEVEL) -> tuple[float | None, int]:
    """The median over runs, ``None`` if half of them never got there, and how many did."""
    found = [samples_to(row, level) for row in rows]
    middle = median(np.inf if one is None else one for one in found)
    return (None if np.isinf(middle) else float(middle)), sum(one is not None for one in found)


def curve(rows: Iterable[Row]) -> tuple[list[int], list[Mean]]:
    """Joint samples, and the mean share of the best return over seeds at each."""
    rows = list(rows)
    return list(rows[0]["samples"]), [
        mean_of(column) for column in zip(*(row["shares"] for row in rows), strict=True)
    ]
