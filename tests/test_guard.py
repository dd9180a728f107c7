"""What an environment does wrongly is named with the environment and the task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pytest

from collm import guard
from collm.env import Environment, Split, Transition
from collm.errors import CollmError, InfrastructureError
from collm.types import Observation, Observations


@dataclass(frozen=True, slots=True)
class Page:
    id: str


class Scripted(Environment[Page, int]):
    """Every method gives, or raises, what it was told to."""

    type: Literal["scripted"] = "scripted"
    found: Any = (Page("p"),)
    first: Any = 0
    seen: Any = None
    following: Any = None

    @property
    def agents(self) -> tuple[str, ...]:
        return "a", "b"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Page]:
        tasks: Sequence[Page] = given(self.found)
        return tasks

    def parse_task(self, row: Mapping[str, Any], where: str) -> Page:
        return Page(str(row))

    def reset(self, task: Page, seed: int) -> int:
        state: int = given(self.first)
        return state

    def observe(self, state: int) -> Observations:
        seen: Observations = given(self.seen)
        return seen

    def step(self, state: int, replies: Mapping[str, str]) -> Transition[int]:
        following: Transition[int] = given(self.following)
        return following


def given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


PAGE = Page("page 1")
WHERE = "environment 'scripted', task 'page 1'"


def test_what_is_right_passes_with_plain_numbers() -> None:
    seen = {"a": Observation("look")}
    following = Transition(
        1,
        cast(float, np.float32(0.5)),
        {"part": np.float64(0.5)},
        {"count": 2},
        agent_rewards={"a": 0, "b": True},
    )
    env = Scripted(seen=seen, following=following)
    assert guard.tasks(env, "train") == (Page("p"),)
    assert guard.reset(env, PAGE, 0) == 0
    assert guard.observe(env, 0, PAGE) == seen
    transition = guard.step(env, 0, {"a": ""}, PAGE)
    assert transition == following
    numbers = [transition.reward, *transition.components.values(), *transition.metrics.values()]
    assert {type(number) for number in [*numbers, *(transition.agent_rewards or {}).values()]} == {float}


@pytest.mark.parametrize(
    ("found", "problem"),
    [((), "there are no test tasks"), (OSError("no disk"), r"tasks\('test'\) raised OSError: no disk")],
)
def test_tasks(found: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        guard.tasks(Scripted(found=found), "test")


def test_reset() -> None:
    with pytest.raises(CollmError, match="reset raised KeyError") as caught:
        guard.reset(Scripted(first=KeyError("x")), PAGE, 0)
    assert caught.value.where == WHERE
    with pytest.raises(CollmError, match="reset raised InfrastructureError"):
        guard.reset(Scripted(first=InfrastructureError("gone")), PAGE, 0)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (ValueError("bad"), "observe raised ValueError: bad"),
        ({}, "observe returned {}"),
        (None, "observe returned None"),
        ({"c": Observation("x")}, "observe returned .*'c'"),
        ({"a": "look"}, "observe gives a 'look'"),
    ],
)
def test_observe(seen: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem) as caught:
        guard.observe(Scripted(seen=seen), 0, PAGE)
    assert caught.value.where == WHERE


@pytest.mark.parametrize(
    ("following", "problem"),
    [
        (ZeroDivisionError("one by none"), "step raised ZeroDivisionError: one by none"),
        ((0, 1.0), r"step returned \(0, 1.0\)"),
        (Transition(0, math.nan), "the reward is nan"),
        (Transition(0, math.inf), "the reward is inf"),
        (Transition(0, "much"), "the reward is 'much'"),  # type: ignore[arg-type]
        (Transition(0, 1.0, components={"part": math.nan}), "the component part is nan"),
        (Transition(0, 1.0, metrics={"count": None}), "the metric count is None"),  # type: ignore[dict-item]
        (Transition(0, 1.0, agent_rewards={"a": 1.0}), "agent_rewards are"),
        (Transition(0, 1.0, agent_rewards={"a": 1.0, "b": math.nan}), "the reward of b is nan"),
    ],
)
def test_step(following: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem) as caught:
        guard.step(Scripted(following=following), 0, {}, PAGE)
    assert caught.value.where == WHERE


def test_errors_that_are_clear_already_pass() -> None:
    clear = CollmError("my file", "odd.", "change it.")
    with pytest.raises(CollmError) as caught:
        guard.step(Scripted(following=clear), 0, {}, PAGE)
    assert caught.value is clear
    with pytest.raises(InfrastructureError, match="gone"):
        guard.step(Scripted(following=InfrastructureError("gone")), 0, {}, PAGE)
