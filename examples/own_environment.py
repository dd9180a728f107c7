"""An environment of one's own in one file: two players name numbers that should add up to a third.

Neither sees the other's number. After a turn both hear the sum. Train a team on it from this folder with
``collm train own_environment.yaml --out runs/guess``; ``python own_environment.py`` only checks it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from collm.contract.check_env import check_env
from collm.env import Environment, Split, Transition
from collm.errors import CollmError
from collm.types import Observation, Observations


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task: the sum to reach."""

    id: str
    total: int


@dataclass(frozen=True, slots=True)
class Game:
    """The task, the turn to come and the sum of the turn before."""

    task: Wanted
    turn: int = 0
    last_sum: int | None = None


class Guess(Environment[Wanted, Game]):
    """The reward is 1 for the right sum, less by an eighteenth for every step that it is off.

    Attributes:
        largest: the largest number that a player may name.
    """

    headline: ClassVar[tuple[str, ...]] = ("right",)

    type: Literal["guess"] = "guess"
    num_turns: int = Field(default=2, ge=1)
    reward_shift: float = -1.0
    largest: int = Field(default=9, ge=1, le=9)

    @property
    def agents(self) -> tuple[str, ...]:
        return "first", "second"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Wanted]:
        """Even sums to train on, odd ones to test."""
        start = 2 if split == "train" else 1
        return [Wanted(f"sum {total}", total) for total in range(start, 2 * self.largest + 1, 2)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Wanted:
        if not isinstance(row.get("total"), int):
            raise CollmError(f"{where}.total", "no whole number.", 'write {"total": 7}.')
        return Wanted(f"sum {row['total']}", row["total"])

    def reset(self, task: Wanted, seed: int) -> Game:
        return Game(task)

    def observe(self, state: Game) -> Observations:
        text = (
            f"Write one number from 0 to {self.largest}. With the other number, the sum: {state.task.total}"
        )
        if state.last_sum is not None:
            text = f"The sum was {state.last_sum}. The other also wrote a number. {text}"
        return {agent: Observation(text) for agent in self.agents}

    def step(self, state: Game, replies: Mapping[str, str]) -> Transition[Game]:
        numbers = [self._number(replies[agent]) for agent in self.agents]
        found = sum(number for number in numbers if number is not None)
        off = abs(found - state.task.total)
        reward = 0.0 if None in numbers else max(0.0, 1 - off / (2 * self.largest))
        following = Game(state.task, state.turn + 1, found)
        return Transition(
            state=following,
            reward=reward,
            metrics={"right": float(reward == 1), "numbers": float(len(numbers) - numbers.count(None))},
            terminated=reward == 1 or following.turn >= self.num_turns,
        )

    def _number(self, reply: str) -> int | None:
        """The first number of a reply, if a player may name it."""
        found = re.search(r"\d+", reply)
        return int(found[0]) if found and len(found[0]) < 3 and int(found[0]) <= self.largest else None


if __name__ == "__main__":
    check_env(Guess())
    print("The environment keeps every promise of the protocol.")
