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
from collm.evaluation.bootstrap import over_groups
from collm.evaluation.episodes import Place, played_of, row_of
from collm.evaluation.evaluate import episode_seed
from collm.evaluation.kept import Kept
from collm.evaluation.measures import means
from collm.evaluation.values import values_of
from collm.protocols.base import PlayProtocol
from collm.protocols.playing import play
from collm.rollout import Reset


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
            values, failures = values_of(played), sum(one.tree.failure is not None for one in played)
            if not values:
                problem = f"every episode failed: {played[0].tree.failure}."
                raise CollmError(env.place(), problem, "mend its infrastructure.")
            by_name = {name: list(groups.values()) for name, groups in values.items()}
            averages = {**means(by_name), "failures": float(failures)}
            measures |= {f"{prefix}{name}": value for name, value in averages.items()}
            intervals |= {f"{prefix}{name}": over_groups(groups) for name, groups in by_name.items()}
    return PlayedEvaluation(measures, intervals, tuple(rows))
