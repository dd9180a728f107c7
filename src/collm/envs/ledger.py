"""Ledger: a game in which pay can come late and depend on what is split between agents.

Two agents hold a letter each. Every letter has a secret bit, which its holder is to answer at every turn;
whether the answer was right comes back with the next observation. The settings move pay away from the
answers that earned it: to the end of the episode, behind an amount that only the joint history explains,
or to turns in which both are right. Made for ``benchmarks/claim``, which asks when a centralized critic is
worth having.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from collm.base.seeding import derive
from collm.env import Environment, Split, Transition
from collm.envs.probes import Bits, choice
from collm.errors import CollmError
from collm.types import Observation, Observations

LETTERS = "ABCDEFGHIJKLMNOP"
WRONG_RIGHT = "-+"
MARKS = "<>"
MOST_TURNS = 9  # a turn is told by one digit

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LedgerTask:
    """What the agents are dealt.

    Attributes:
        letters: by turn, the number of each agent's letter.
        marks: a bit for each agent, which it alone sees, at the first turn, if there is fog.
    """

    id: str
    letters: tuple[Pair, ...]
    marks: Bits = (0, 0)


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The task, and by turn which agents answered right."""

    task: LedgerTask
    right: tuple[Bits, ...] = ()


class Ledger(Environment[LedgerTask, LedgerState]):
    """Answer your letter's bit at every turn; the share of agents that were right is what a turn earns.

    A reply counts as one bit, as the probes have it. The best team earns ``num_turns``, blind guessing
    half of it, a quarter if ``both`` must be right.

    Attributes:
        pay: ``each`` turn what it earned, or at the ``end`` the sum.
        both: a turn earns 1 if both are right and else nothing.
        fog: up to this times ``num_turns`` more or less at the end: half of it by the mark of each agent.
            No answer changes it, and an agent's own mark tells one half of it.
        fresh: deal new letters at every turn, so that no two turns of an episode ask the same.
        secret: which assignment of bits to letters is played.
    """

    headline: ClassVar[tuple[str, ...]] = ("right",)
    internal: ClassVar[bool] = True

    type: Literal["ledger"] = "ledger"
    num_turns: int = Field(default=2, ge=1, le=MOST_TURNS)
    pay: Literal["each", "end"] = "each"
    both: bool = False
    fog: float = Field(default=0.0, ge=0, le=100)
    fresh: bool = False
    secret: int = 0

    @property
    def agents(self) -> tuple[str, ...]:
        return "X", "Y"

    @property
    def reward_range(self) -> tuple[float, float]:
        best = 1.0 if self.pay == "each" else float(self.num_turns)
        fog = self.fog * self.num_turns
        return -fog, best + fog

    def tasks(self, split: Split) -> Sequence[LedgerTask]:
        """Every pair of letters, with all four pairs of marks if there is fog; both splits are the same.

        In every sixteen tasks each agent holds each letter once, and in every 64 the fog cancels.
        """
        size = len(LETTERS) ** 2
        return [self._task(number) for number in range(size * (4 if self.fog else 1))]

    def _task(self, number: int) -> LedgerTask:
        rounds, first = divmod(number % len(LETTERS) ** 2, len(LETTERS))
        marks = (rounds + number // len(LETTERS) ** 2) % 4 if self.fog else 0
        dealt = random.Random(derive(0, "ledger", number))
        letters = [(first, (first + rounds) % len(LETTERS))]
        while len(letters) < self.num_turns:
            drawn = dealt.randrange(len(LETTERS)), dealt.randrange(len(LETTERS))
            letters.append(drawn if self.fresh else letters[0])
        return LedgerTask(f"{number:04d}", tuple(letters), (marks // 2, marks % 2))

    def parse_task(self, row: Mapping[str, Any], where: str) -> LedgerTask:
        at = f"{where}.letters"
        letters = tuple(_pair(pair, len(LETTERS), at) for pair in _list(row, "letters", where))
        if len(letters) not in (1, self.num_turns):
            problem = f"must have 1 or {self.num_turns} pairs, got {len(letters)}."
            raise CollmError(at, problem, "deal once, or for every turn.")
        by_turn = letters * (self.num_turns if len(letters) == 1 else 1)
        marks = _pair(row.get("marks", [0, 0]), len(MARKS), f"{where}.marks")
        return LedgerTask(str(row.get("id", where)), by_turn, marks)

    def reset(self, task: LedgerTask, seed: int) -> LedgerState:
        return LedgerState(task)

    def observe(self, state: LedgerState) -> Observations:
        turn = len(state.right)
        return {
            agent: Observation(
                LETTERS[letter] + (WRONG_RIGHT[state.right[-1][i]] if turn else self._mark(state.task, i)),
                raw=True,
            )
            for i, (agent, letter) in enumerate(zip(self.agents, state.task.letters[turn], strict=True))
        }

    def _mark(self, task: LedgerTask, agent: int) -> str:
        return MARKS[task.marks[agent]] if self.fog else ""

    def step(self, state: LedgerState, replies: Mapping[str, str]) -> Transition[LedgerState]:
        letters = state.task.letters[len(state.right)]
        one, other = (
            int(choice(replies[agent]) == secret_bits(self.secret, agent)[letter])
            for agent, letter in zip(self.agents, letters, strict=True)
        )
        following = replace(state, right=(*state.right, (one, other)))
        ended = len(following.right) >= self.num_turns
        return Transition(
            following, self._reward(following, ended), metrics={"right": (one + other) / 2}, terminated=ended
        )

    def _reward(self, state: LedgerState, ended: bool) -> float:
        """What the last turn gives: pay, and at the end the fog."""
        earned = [float(all(right)) if self.both else sum(right) / 2 for right in state.right]
        paid = earned[-1] if self.pay == "each" else math.fsum(earned) if ended else 0.0
        return paid + (self.fog * self.num_turns * (sum(state.task.marks) - 1) if ended else 0.0)

    def global_information(self, turn: int, last_reward: float | None) -> str:
        """The turn, and twice what the last one gave."""
        return f"{turn}{round(2 * (last_reward or 0.0))}"


@cache
def secret_bits(secret: int, agent: str) -> tuple[int, ...]:
    """The bit of each of an agent's letters: as many ones as zeros."""
    bits = [number % 2 for number in range(len(LETTERS))]
    random.Random(derive(secret, "secret bits", agent)).shuffle(bits)
    return tuple(bits)


def _list(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = row.get(key)
    if not isinstance(found, list):
        raise CollmError(f"{where}.{key}", f"must be a list, got {found!r}.", "write it as [[0, 5]].")
    return found


def _pair(pair: Any, below: int, where: str) -> Pair:
    if not isinstance(pair, list) or len(pair) != 2 or any(one not in range(below) for one in pair):
        problem = f"must be two whole numbers from 0 to {below - 1}, got {pair!r}."
        raise CollmError(where, problem, "write it as [0, 1].")
    return int(pair[0]), int(pair[1])
