"""Evaluates a team by a protocol: measures over a split, with intervals over its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collm.agents.policy import Policy
from collm.config.tree import EvaluationConfig
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment, Split, Task
from collm.errors import CollmError
from collm.evaluation.blame import Blame, blamed
from collm.evaluation.bootstrap import bootstrap_interval
from collm.evaluation.episodes import Place, Played, caused, played_of, row_of, spoken
from collm.evaluation.evaluate import episode_seed
from collm.evaluation.kept import Kept
from collm.evaluation.measures import means, samples
from collm.evaluation.pass_at_k import pass_at_k
from collm.protocols.base import PlayProtocol
from collm.protocols.playing import play
from collm.rollout import Reset

PASSED = "passed_all"
"""The metric of an environment that says, as 1 or 0, whether the reply is correct: then there is pass@k."""

_KS = (1, 3, 5, 10)

Values = Mapping[str, Sequence[Sequence[float]]]
"""By name, the values of each task."""


@dataclass(frozen=True, slots=True)
class PlayedEvaluation:
    """Measures by name, greedy ones prefixed with ``greedy_``, and the episodes behind them.

    Attributes:
        measures: as :func:`collm.evaluation.measures.measures` has them, ``response_seconds_mean`` of a
            turn, ``tokens_mean`` of a reply, ``messages_mean`` of an episode, ``failures``, and
            ``pass_at_K`` of sampled episodes where the environment tells who passed.
        intervals: of every mean, the 95 % bootstrap interval over tasks.
        rows: every episode, with all messages.
    """

    measures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    rows: tuple[Mapping[str, Any], ...]


def evaluate_by(
    protocol: PlayProtocol,
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    config: EvaluationConfig,
    seed: int,
    split: Split = "test",
    *,
    batch: int = 16,
    kept: Kept | None = None,
    advanced: Callable[[int, int], None] = lambda done, total: None,
) -> PlayedEvaluation:
    """Play every task of a split, as often as ``config`` says.

    The noise is that of :func:`collm.evaluation.evaluate.evaluate`, whatever the batch.

    Args:
        batch: episodes that play together.
        kept: where episodes are kept; those that it has are not played again.
        advanced: called with how many episodes there are by now, and how many there will be.

    Raises:
        CollmError: if no episode could be played, or blame is asked for where agents read each other.
    """
    _check_blame(protocol, config)
    held = hold(env)
    tasks = protocol.stage(held).tasks(split)[: config.tasks]
    places = _places(tasks, config)
    rows = {place: kept.rows[place] for place in places if place in kept.rows} if kept else {}
    advanced(len(rows), len(places))
    for part in _batches([place for place in places if place not in rows], batch):
        resets = [Reset(tasks[one.number], episode_seed(seed, one.task, one.sample)) for one in part]
        episodes = play(protocol, held, policies, resets, part[0].greedy)
        told: Sequence[Blame | None] = [None] * len(part)
        if config.blame and not part[0].greedy:
            told = blamed(held, policies, [episode.tree for episode in episodes], config.blame)
        fresh = {
            place: row_of(place, episode, blame)
            for place, episode, blame in zip(part, episodes, told, strict=True)
        }
        if kept:
            kept.add(fresh.values())
        rows |= fresh
        advanced(len(rows), len(places))
    return _measured(held, [rows[place] for place in places])


def _check_blame(protocol: PlayProtocol, config: EvaluationConfig) -> None:
    if config.blame and protocol.type != "parallel":
        problem = f"in {protocol.type} replies answer others of their turn: none can be replaced alone."
        raise CollmError("evaluation.blame", problem, "leave it out, or play in parallel.")


def _places(tasks: Sequence[Task], config: EvaluationConfig) -> list[Place]:
    """Every episode to play: sampled ones, then greedy ones."""
    sampled = [
        Place(number, task.id, sample)
        for number, task in enumerate(tasks)
        for sample in range(config.samples)
    ]
    greedy = [Place(number, task.id, greedy=True) for number, task in enumerate(tasks)]
    return sampled + (greedy if config.greedy else [])


def _batches(places: Sequence[Place], size: int) -> list[Sequence[Place]]:
    """At most so many together, sampled or greedy."""
    kinds = [[place for place in places if place.greedy == greedy] for greedy in (False, True)]
    return [kind[start : start + size] for kind in kinds for start in range(0, len(kind), size)]


def _measured(env: Held, rows: Sequence[Mapping[str, Any]]) -> PlayedEvaluation:
    measures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for greedy, prefix in ((False, ""), (True, "greedy_")):
        played = [played_of(row) for row in rows if row["greedy"] == greedy]
        if played:
            values, failures = _values(env, played), sum(one.tree.failure is not None for one in played)
            averages = {**means(values), "failures": float(failures)}
            measures |= {f"{prefix}{name}": value for name, value in averages.items()}
            intervals |= {f"{prefix}{name}": _interval(groups) for name, groups in values.items()}
    return PlayedEvaluation(measures, intervals, tuple(rows))


def _values(env: Held, played: Sequence[Played]) -> Values:
    """What every measure is the mean of, task by task."""
    sound = [one for one in played if one.tree.failure is None]
    if not sound:
        problem = f"every episode failed: {played[0].tree.failure}."
        raise CollmError(env.place(), problem, "mend its infrastructure.")
    numbers = [one.place.number for one in sound]
    single = {**samples([one.tree for one in sound]), **spoken(sound), **caused(sound)}
    values = {name: _by_task(of_episodes, numbers) for name, of_episodes in single.items()}
    if f"final_{PASSED}" in values and not sound[0].place.greedy:
        values |= _passes(values[f"final_{PASSED}"])
    return values


def _by_task(of_episodes: Sequence[Sequence[float]], numbers: Sequence[int]) -> list[list[float]]:
    groups: dict[int, list[float]] = {}
    for number, values in zip(numbers, of_episodes, strict=True):
        groups.setdefault(number, []).extend(values)
    return list(groups.values())


def _passes(passed: Sequence[Sequence[float]]) -> dict[str, list[list[float]]]:
    """pass@k of every task."""
    counts = [(len(own), sum(value == 1.0 for value in own)) for own in passed]
    return {f"pass_at_{k}": [[pass_at_k(total, right, k)] for total, right in counts] for k in _KS}


def _interval(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    import numpy as np

    filled = [group for group in groups if group]
    sums, counts = np.array([sum(group) for group in filled]), np.array([len(group) for group in filled])
    low, high = bootstrap_interval(sums, counts)
    return float(low), float(high)
