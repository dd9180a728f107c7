"""What every measure of an evaluation is the mean of, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collm.evaluation.episodes import Played, caused, spoken
from collm.evaluation.measures import samples
from collm.evaluation.pass_at_k import pass_at_k

PASSED = "passed_all"
"""The metric of an environment that says, as 1 or 0, whether the reply is correct: then there is pass@k."""

KS = (1, 3, 5, 10)
"""Which there are."""

Values = Mapping[str, Mapping[int, Sequence[float]]]
"""By a measure's name and the task's number in its split."""


def values_of(played: Sequence[Played]) -> Values:
    """The values behind every mean; none at all if every episode failed.

    Args:
        played: episodes that are all sampled, or all greedy.
    """
    sound = [one for one in played if one.tree.failure is None]
    if not sound:
        return {}
    numbers = [one.place.number for one in sound]
    single = {**samples([one.tree for one in sound]), **spoken(sound), **caused(sound)}
    values = {name: _by_task(of_episodes, numbers) for name, of_episodes in single.items()}
    if f"final_{PASSED}" in values and not sound[0].place.greedy:
        return {**values, **_passes(values[f"final_{PASSED}"])}
    return values


def _by_task(of_episodes: Sequence[Sequence[float]], numbers: Sequence[int]) -> dict[int, list[float]]:
    groups: dict[int, list[float]] = {}
    for number, values in zip(numbers, of_episodes, strict=True):
        groups.setdefault(number, []).extend(values)
    return groups


def _passes(passed: Mapping[int, Sequence[float]]) -> dict[str, dict[int, list[float]]]:
    """pass@k of every task."""
    counts = {task: (len(own), sum(value == 1.0 for value in own)) for task, own in passed.items()}
    return {
        f"pass_at_{k}": {task: [pass_at_k(total, right, k)] for task, (total, right) in counts.items()}
        for k in KS
    }
