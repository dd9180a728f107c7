"""Draws the rollouts of the next update while an update learns, with the weights that it began with.

Which weights draw what is a matter of the schedule: whoever is faster waits, and numbers do not depend on
time. The two threads share nothing that changes: the second one plays with copies of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from collm.agents.policy import Actions, Policy, Request
from collm.agents.team import Team
from collm.agents.understudy import Understudy, understudies
from collm.engines.base import Pending
from collm.rollout import Rollout
from collm.runs.folder import Checkpoint
from collm.training.collecting import Collected, Collector, Fresh, Source
from collm.training.waiting import Waiting, check_drawn, read_waiting, save_waiting
from collm.types import Action, Tree, Turn


class Ahead:
    """Rollouts are drawn while the update before theirs learns; those of the first update when it begins.

    Args:
        collector: draws.
        team: learns.
        planned: updates of the run; nothing is drawn for later ones.
        waiting: what an earlier process has left.
    """

    def __init__(
        self, collector: Collector, team: Team, planned: int, waiting: Waiting | None = None
    ) -> None:
        self._collector, self._team, self._planned = collector, team, planned
        self._understudies = understudies(team.agents)
        self._waiting, self._taken = waiting, -1

    def take(self, update: int) -> Collected:
        """The rollouts of an update.

        Raises:
            CollmError: if other weights have drawn them than those that the update before began with.
        """
        waiting, self._waiting, self._taken = self._waiting, None, update
        if waiting is None:
            fresh = Fresh(self._collector, self._team.policies).take(update)
            return replace(fresh, measures=self._measures(fresh, self._versions()))
        check_drawn(waiting, update)
        collected = Collected(waiting.rollout, waiting.seconds, waiting.waited, staleness=1)
        return replace(collected, measures=self._measures(collected, waiting.versions))

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Draw for the next update while the body learns; at its end wait for what was drawn.

        Raises:
            CollmError: as drawing does, once the body is done.
        """
        following = self._taken + 1
        if following >= self._planned:
            yield
            return
        versions, left = self._versions(), Event()
        for one in self._understudies.values():
            one.follow()
        with ThreadPoolExecutor(1, "ahead") as thread:
            coming = thread.submit(self._drawn, following, left)
            try:
                yield
                learned = time.perf_counter()
                rollout, seconds = coming.result()
            except BaseException:
                left.set()
                raise
        self._waiting = Waiting(following, rollout, versions, seconds, time.perf_counter() - learned)

    def save(self, folder: Path) -> None:
        if self._waiting is not None:
            save_waiting(self._waiting, folder)

    def _drawn(self, update: int, left: Event) -> tuple[Rollout, float]:
        """The trees of an update, and the seconds that they took."""
        began = time.perf_counter()
        policies = {name: _Leavable(one.policy, left) for name, one in self._understudies.items()}
        grown = self._collector.draw(policies, update)
        grown = replace(grown, trees=_scored(grown.trees, self._understudies))
        return grown, time.perf_counter() - began

    def _versions(self) -> dict[str, int]:
        return {name: agent.learner.version for name, agent in self._team.agents.items()}

    def _measures(self, collected: Collected, versions: Mapping[str, int]) -> dict[str, float]:
        behind = {
            f"versions_behind/{name}": float(agent.learner.version - versions[name])
            for name, agent in self._team.agents.items()
            if agent.config.shares is None and not agent.config.frozen
        }
        overlap = max(0.0, collected.seconds - collected.waited)
        clocks = {"wait_seconds": collected.waited, "overlap_seconds": overlap}
        return {"staleness": float(collected.staleness), **behind, **clocks}


def source_of(collector: Collector, team: Team, planned: int, checkpoint: Checkpoint | None) -> Source:
    """Where a run's rollouts come from, as its recipe says.

    Raises:
        CollmError: if the checkpoint to go on from lacks rollouts that it should hold.
    """
    if not collector.config.training.collect_ahead:
        return Fresh(collector, team.policies)
    if checkpoint is None or checkpoint.counters.update >= planned:
        return Ahead(collector, team, planned)
    return Ahead(collector, team, planned, read_waiting(collector, checkpoint))


class _LeftError(Exception):
    """The learning beside has ended with an error, which is the one to tell."""


@dataclass(frozen=True, slots=True)
class _Leavable:
    """A policy that draws no more once its rollouts are not wanted."""

    policy: Policy
    left: Event

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Pending[Actions]:
        if self.left.is_set():
            raise _LeftError
        return self.policy.submit(requests, greedy, keep)

    def release(self) -> None:
        self.policy.release()


def _scored(trees: Sequence[Tree], understudies: Mapping[str, Understudy]) -> tuple[Tree, ...]:
    """Trees whose actions say how likely they were as a step would have found it, rounding and all."""
    acted: dict[str, dict[tuple[int, str], Action]] = {name: {} for name in understudies}
    for number, tree in enumerate(trees):
        for turn in tree.turns:
            for name, action in turn.joint_action.items():
                acted[name][number, action.id] = action
    said: dict[tuple[int, str], tuple[float, ...]] = {}
    for name, own in acted.items():
        if own:
            said |= zip(own, understudies[name].behavior_logprobs(list(own.values())), strict=True)
    return tuple(
        replace(tree, turns=tuple(_with_logprobs(turn, number, said) for turn in tree.turns))
        for number, tree in enumerate(trees)
    )


def _with_logprobs(turn: Turn, tree: int, said: Mapping[tuple[int, str], tuple[float, ...]]) -> Turn:
    actions = {
        name: replace(action, token_logprobs=said[tree, action.id])
        for name, action in turn.joint_action.items()
    }
    return replace(turn, joint_action=actions)
