from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, Environment, Split, Transition
from collm.errors import CollmError
from collm.types import Observation, Observations

CALLS = itertools.count()


@dataclass(frozen=True, slots=True)
class Word:
    id: str


@dataclass(slots=True)
class Heard:
    """A state that a careless environment could change."""

    word: Word
    turn: int = 0
    replies: list[str] = field(default_factory=list)


class Echo(Environment[Word, Heard]):
    """Two agents win by repeating a word. Keeps every promise; the classes below break one each."""

    type: Literal["echo-of-the-checking-test"] = "echo-of-the-checking-test"
    num_turns: int = 2

    @property
    def agents(self) -> tuple[str, ...]:
        return "ann", "bob"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Word]:
        return [Word("yes"), Word("no")]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Word:
        return Word(row["id"])

    def reset(self, task: Word, seed: int) -> Heard:
        return Heard(task)

    def observe(self, state: Heard) -> Observations:
        return {agent: Observation(f"Say {state.word.id}.") for agent in self.agents}

    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        following = Heard(state.word, state.turn + 1, [*state.replies, *replies.values()])
        share = sum(reply == state.word.id for reply in replies.values()) / 2
        return Transition(
            following, share, {"share": share}, {"share": share}, terminated=following.turn == self.num_turns
        )


class NoAgents(Echo):
    @property
    def agents(self) -> tuple[str, ...]:
        return ()


class TwinAgents(Echo):
    @property
    def agents(self) -> tuple[str, ...]:
        return "ann", "ann"


class TurnedRange(Echo):
    @property
    def reward_range(self) -> tuple[float, float]:
        return 1.0, 0.0


class NarrowRange(Echo):
    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 0.5


class NoTest(Echo):
    def tasks(self, split: Split) -> Sequence[Word]:
        return [Word("yes")] if split == "train" else []


class TwinTasks(Echo):
    def tasks(self, split: Split) -> Sequence[Word]:
        return [Word("yes"), Word("yes")]


class RandomReset(Echo):
    def reset(self, task: Word, seed: int) -> Heard:
        return Heard(task, 0, [str(next(CALLS))])


class Stranger(Echo):
    def observe(self, state: Heard) -> Observations:
        return {**super().observe(state), "eve": Observation("psst")}


class ObserveChangesState(Echo):
    def observe(self, state: Heard) -> Observations:
        state.replies.append("looked")
        return super().observe(state)


class Fussy(Echo):
    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        if "" in replies.values():
            raise ValueError("say something")
        return super().step(state, replies)


class NanAgentReward(Echo):
    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        given = super().step(state, replies)
        return replace(given, agent_rewards={"ann": 1.0, "bob": math.nan})


class ChangesState(Echo):
    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        state.replies.append("seen")
        return super().step(state, replies)


class RandomStep(Echo):
    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        following = super().step(state, replies)
        return Transition(following.state, next(CALLS) % 2, {}, following.metrics, following.terminated)


class Altered(Echo):
    """Gives one field of the transition another value."""

    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {}

    def step(self, state: Heard, replies: Mapping[str, str]) -> Transition[Heard]:
        given = super().step(state, replies)
        return replace(given, **self.altered(given))


class NanReward(Altered):
    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {"reward": math.nan}


class NanMetric(Altered):
    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {"metrics": {"share": math.inf}}


class ChangingMetrics(Altered):
    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {"metrics": {f"share_{transition.state.turn}": 0.0}}


class OneAgentsReward(Altered):
    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {"agent_rewards": {"ann": 1.0}}


class Endless(Altered):
    def altered(self, transition: Transition[Heard]) -> dict[str, Any]:
        return {"terminated": False}


def test_an_environment_that_keeps_its_promises_passes() -> None:
    check_env(Echo())


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        (NoAgents(), "agents is (), not a non-empty tuple of different names"),
        (TwinAgents(), "non-empty tuple of different names"),
        (TurnedRange(), "reward_range must be (lowest, highest)"),
        (NarrowRange(), "the reward 1.0 lies outside reward_range 0.0..0.5"),
        (NoTest(), "there are no test tasks"),
        (TwinTasks(), "tasks('train') has two tasks with one id"),
        (RandomReset(), "reset gives different states"),
        (Stranger(), "with agents that are not in agents"),
        (ObserveChangesState(), "observe changes the state it was given"),
        (Fussy(), "step raised ValueError: say something (reply ''); any text is a valid reply"),
        (NanAgentReward(), "the reward of bob is nan"),
        (ChangesState(), "step changes the state it was given"),
        (RandomStep(), "step gives different results for the same state and replies"),
        (NanReward(), "the reward is nan"),
        (NanMetric(), "the metric share is inf"),
        (ChangingMetrics(), "metrics have different names at different turns"),
        (OneAgentsReward(), "agent_rewards are {'ann': 1.0}, not a number for every agent"),
        (Endless(), "the episode goes on after num_turns turns"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Environment) else "",
)
def test_a_planted_fault_is_told_in_plain_words(env: AnyEnvironment, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        check_env(env)
    assert caught.value.where == f"environment {env.type!r}"
    assert problem in caught.value.problem


def test_a_fault_is_told_once() -> None:
    with pytest.raises(CollmError) as caught:
        check_env(Endless())
    assert caught.value.problem.count("goes on after") == 1
