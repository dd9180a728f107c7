"""What minibatches say of single turns, for the record of an update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from collm.algorithms.base import Prediction, Target
from collm.runs.records import UpdateRecord


def taught(predicted: Prediction, target: Target, turn: int) -> tuple[float, float]:
    """What was predicted of a turn and should have been: before its actions, if that is taught."""
    if target.before is not None:
        return float(predicted.before[turn]), float(target.before[turn])
    assert target.after is not None
    return float(predicted.after[turn]), float(target.after[turn])


def merged(records: Sequence[UpdateRecord]) -> UpdateRecord:
    """The newest word on every turn, and the means of the metrics."""
    names = sorted({key for record in records for key in record.metrics})
    means = {
        name: fmean(record.metrics[name] for record in records if name in record.metrics) for name in names
    }
    return UpdateRecord(
        {place: one for record in records for place, one in record.values.items()},
        {place: one for record in records for place, one in record.targets.items()},
        {place: one for record in records for place, one in record.advantages.items()},
        {**means, "optimizer_steps": float(len(records))},
    )


def means_of(several: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """The mean of everything that was reported by each name, if anything was."""
    values: dict[str, list[float]] = {}
    for one in several:
        for name, own in one.items():
            values.setdefault(name, []).extend(own)
    return {name: fmean(own) for name, own in values.items() if own}
