"""A game of optimal stopping: rich ground stays rich for a while, and so does poor ground."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from collm.env import Environment, Split, Transition
from collm.errors import CollmError
from collm.types import Observation, Observations

PERSISTENCE = 0.75
"""The chance that the ground stays as it is."""


@dataclass(frozen=True, slots=True)
class Ground:
    """How rich the ground is at first: 1 or 0."""

    id: str
    rich: int


@dataclass(frozen=True, slots=True)
class Dug:
    """The ground at every turn, and how many of them are over."""

    ground: tuple[int, ...]
    turns: int = 0


class Digging(Environment[Ground, Dug]):
    """A turn pays 1 on rich ground and 0 on poor ground, whatever is replied; all agents see which it is.

    For :mod:`collm.envs.stopping`: what can be decided is only when to stop.

    Attributes:
        size: how many agents there are.
    """

    internal: ClassVar[bool] = True

    type: Literal["digging"] = "digging"
    num_turns: int = Field(default=3, ge=1, le=8)
    size: int = Field(default=1, ge=1, le=4)

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple("abcd"[: self.size])

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Ground]:
        return [Ground("poor", 0), Ground("rich", 1)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Ground:
        rich = row.get("rich")
        if rich not in (0, 1):
            raise CollmError(f"{where}.rich", f"must be 0 or 1, got {rich!r}.", "write one of them.")
        return Ground("rich" if rich else "poor", int(rich))

    def reset(self, task: Ground, seed: int) -> Dug:
        stream, ground = random.Random(seed), [task.rich]
        while len(ground) < self.num_turns:
            stays = stream.random() < PERSISTENCE
            ground.append(ground[-1] if stays else 1 - ground[-1])
        return Dug(tuple(ground))

    def observe(self, state: Dug) -> Observations:
        return dict.fromkeys(self.agents, Observation(str(state.ground[state.turns]), raw=True))

    def step(self, state: Dug, replies: Mapping[str, str]) -> Transition[Dug]:
        following = replace(state, turns=state.turns + 1)
        return Transition(
            following,
            reward=float(state.ground[state.turns]),
            terminated=following.turns == self.num_turns,
        )

    def global_information(self, turn: int, last_reward: float | None) -> str:
        return ""
