"""Where an update's rollouts come from: drawn when it begins, or, in :mod:`collm.training.ahead`, before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from collm.agents.policy import Policy
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.env import Task
from collm.errors import CollmError
from collm.rollout import Rollout, probed, rollout
from collm.training.divergence import check_replies
from collm.training.saved import SavedTree
from collm.training.schedule import resets_of


@dataclass(frozen=True, slots=True)
class Collected:
    """What an update learns from.

    Attributes:
        rollout: its trees.
        seconds: that drawing them took.
        waited: how many of these nothing was learned in.
        staleness: updates between the weights that drew and those that the update begins with.
        measures: more to log of it.
    """

    rollout: Rollout
    seconds: float
    waited: float
    staleness: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)


class Source(Protocol):
    """Gives updates their rollouts, in order."""

    def take(self, update: int) -> Collected:
        """The rollouts of an update, counted from 0."""

    def meanwhile(self) -> AbstractContextManager[None]:
        """Surrounds the learning of the update whose rollouts were taken."""

    def save(self, folder: Path) -> None:
        """Write what a checkpoint after that update must hold."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Draws the rollouts of any update, whoever plays."""

    config: RunConfig
    env: Held
    tasks: Sequence[Task]

    def draw(self, policies: Mapping[str, Policy], update: int) -> Rollout:
        """The trees of one update, with what the algorithm wants to know beside them.

        Raises:
            CollmError: if all of them failed, or a reply has no log-probability.
        """
        config, algorithm = self.config, self.config.algorithm
        resets = resets_of(config.training, self.tasks, config.seed, update)
        saved = [reset.task.tree for reset in resets if isinstance(reset.task, SavedTree)]
        if saved:
            return Rollout(tuple(saved), 0, dict.fromkeys(self.env.agents, 0))
        grown = rollout(self.env, policies, resets, algorithm.branching)
        probes = {number: algorithm.probes(tree) for number, tree in enumerate(grown.trees)}
        grown = probed(self.env, policies, grown, probes)
        if not grown.sound:
            problem = f"every rollout of update {update + 1} failed: {grown.trees[0].failure}."
            raise CollmError(self.env.place(), problem, "mend its infrastructure, then --resume.")
        check_replies(grown.sound, f"in update {update + 1}")
        return grown


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rollouts are drawn when their update begins, by the team as it is then."""

    collector: Collector
    policies: Mapping[str, Policy]

    def take(self, update: int) -> Collected:
        began = time.perf_counter()
        grown = self.collector.draw(self.policies, update)
        seconds = time.perf_counter() - began
        return Collected(grown, seconds, seconds)

    def meanwhile(self) -> AbstractContextManager[None]:
        return nullcontext()

    def save(self, folder: Path) -> None:
        pass
