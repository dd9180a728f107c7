"""What an environment does wrongly is named with the environment and the task."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal, cast

import numpy as np
import pytest

from collm.contract.check_env import check_env
from collm.contract.held import HeldState, hold
from collm.contract.plays import score_plays
from collm.env import Environment, Split, Transition
from collm.errors import CollmError, InfrastructureError
from collm.training.preflight import check_tasks
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
    named: Any = ("a", "b")
    ranged: Any = (0.0, 1.0)
    parsed: Any = Page("p")
    informed: Any = ""
    told: Any = ()

    @property
    def agents(self) -> tuple[str, ...]:
        names: tuple[str, ...] = given(self.named)
        return names

    @property
    def reward_range(self) -> tuple[float, float]:
        bounds: tuple[float, float] = given(self.ranged)
        return bounds

    def tasks(self, split: Split) -> Sequence[Page]:
        tasks: Sequence[Page] = given(self.found)
        return tasks

    def parse_task(self, row: Mapping[str, Any], where: str) -> Page:
        task: Page = given(self.parsed)
        return task

    def reset(self, task: Page, seed: int) -> int:
        state: int = given(self.first)
        return state

    def observe(self, state: int) -> Observations:
        seen: Observations = given(self.seen)
        return seen

    def step(self, state: int, replies: Mapping[str, str]) -> Transition[int]:
        following: Transition[int] = given(self.following)
        return following

    def notices(self) -> Sequence[str]:
        lines: Sequence[str] = given(self.told)
        return lines

    def global_information(self, turn: int, last_reward: float | None) -> str:
        text: str = given(self.informed)
        return text


def given(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


class Unshowable:
    """A value whose very name raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no name")


PAGE = Page("page 1")
START = HeldState(PAGE, 0)
WHERE = "environment 'scripted', task 'page 1'"


def test_the_names_of_agents_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def names(env: Scripted) -> tuple[str, ...]:
        asked.append("agents")
        return "a", "b"

    monkeypatch.setattr(Scripted, "agents", property(names))
    held = hold(Scripted(seen={"a": Observation("look")}, following=Transition(1, 0.5)))
    assert hold(held) is held
    for _ in range(3):
        held.observe(held.reset(PAGE, 0))
        held.step(START, {"a": ""})
    assert (held.agents, len(asked)) == (("a", "b"), 1)


def test_what_is_right_passes_with_plain_numbers() -> None:
    seen = {"a": Observation("look")}
    half, shares = cast(float, np.float32(0.5)), {"a": 0, "b": True}
    following = Transition(1, half, {"part": np.float64(0.5)}, {"count": 2}, agent_rewards=shares)
    env = Scripted(seen=seen, following=following)
    assert hold(env).tasks("train") == (Page("p"),)
    assert hold(env).reset(PAGE, 0) == START
    assert hold(env).observe(START) == seen
    transition = hold(env).step(START, {"a": ""})
    assert transition == Transition(
        HeldState(PAGE, 1), 0.5, {"part": 0.5}, {"count": 2.0}, agent_rewards=shares
    )
    numbers = [transition.reward, *transition.components.values(), *transition.metrics.values()]
    assert {type(number) for number in [*numbers, *(transition.agent_rewards or {}).values()]} == {float}


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ((), "there are no test tasks"),
        (OSError("no disk"), r"tasks\('test'\) raised OSError: no disk"),
        (None, r"tasks\('test'\) returned None"),
        (iter(()), r"tasks\('test'\) returned <tuple_iterator"),
        ("pages", r"tasks\('test'\) returned 'pages'"),
        (["page"], r"tasks\('test'\) gives the task 'page' without an id"),
        ([Page(cast(str, 3))], r"tasks\('test'\) gives the task Page\(id=3\) without an id"),
    ],
)
def test_tasks(found: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        hold(Scripted(found=found)).tasks("test")


def test_reset() -> None:
    with pytest.raises(CollmError, match="reset raised KeyError") as caught:
        hold(Scripted(first=KeyError("x"))).reset(PAGE, 0)
    assert caught.value.where == WHERE
    with pytest.raises(InfrastructureError, match="gone"):
        hold(Scripted(first=InfrastructureError("gone"))).reset(PAGE, 0)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (ValueError("bad"), "observe raised ValueError: bad"),
        ({}, "observe returned {}"),
        (None, "observe returned None"),
        ({"c": Observation("x")}, "observe returned .*'c'"),
        ({"a": "look"}, "observe gives a 'look'"),
        ([Observation("look")], "observe returned"),
        ({"a": Observation(cast(str, 5), raw=True)}, r"observe gives a Observation\(text=5"),
        ({"a": Observation("", raw=True)}, r"observe gives a Observation\(text=''"),
        ({"a": Observation("x", system=cast(str, 5))}, "observe gives a Observation"),
        (Unshowable(), "observe returned <a Unshowable that cannot be shown"),
    ],
)
def test_observe(seen: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem) as caught:
        hold(Scripted(seen=seen)).observe(START)
    assert caught.value.where == WHERE


@pytest.mark.parametrize(
    ("following", "problem"),
    [
        (ZeroDivisionError("one by none"), "step raised ZeroDivisionError: one by none"),
        ((0, 1.0), r"step returned \(0, 1.0\)"),
        (Transition(0, math.nan), "the reward is nan"),
        (Transition(0, math.inf), "the reward is inf"),
        (Transition(0, "much"), "the reward is 'much'"),  # type: ignore[arg-type]
        (Transition(0, 10**400), "the reward is 1000*$"),
        (Transition(0, 1e39), r"the reward is 1e\+39"),
        (Transition(0, 1.0, components=[1]), r"the components of step are \[1\]"),  # type: ignore[arg-type]
        (Transition(0, 1.0, metrics=None), "the metrics of step are None"),  # type: ignore[arg-type]
        (Transition(0, 1.0, metrics={1: 2.0}), "the metrics of step are {1: 2.0}"),  # type: ignore[dict-item]
        (Transition(0, 1.0, agent_rewards=[1.0, 2.0]), r"agent_rewards are \["),  # type: ignore[arg-type]
        (SystemExit(0), "step raised SystemExit: 0"),
        (GeneratorExit(), "step raised GeneratorExit"),
        (Transition(0, 1.0, components={"part": math.nan}), "the component part is nan"),
        (Transition(0, 1.0, metrics={"count": None}), "the metric count is None"),  # type: ignore[dict-item]
        (Transition(0, 1.0, agent_rewards={"a": 1.0}), "agent_rewards are"),
        (Transition(0, 1.0, agent_rewards={"a": 1.0, "b": math.nan}), "the reward of b is nan"),
    ],
)
def test_step(following: Any, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        hold(Scripted(following=following)).step(START, {})
    assert caught.value.where == WHERE
    assert re.search(problem, caught.value.problem.rstrip("."))


def test_errors_that_are_clear_already_pass() -> None:
    clear = CollmError("my file", "odd.", "change it.")
    with pytest.raises(CollmError) as caught:
        hold(Scripted(following=clear)).step(START, {})
    assert caught.value is clear
    with pytest.raises(InfrastructureError, match="gone"):
        hold(Scripted(following=InfrastructureError("gone"))).step(START, {})


@pytest.mark.parametrize("named", [(), None, "ab", ("a", "a"), ("a", ""), (1, 2), RuntimeError("nobody")])
def test_agents(named: Any) -> None:
    with pytest.raises(CollmError, match=r"agents (is|raised RuntimeError: nobody)") as caught:
        hold(Scripted(named=named))
    assert caught.value.where == "environment 'scripted'"


@pytest.mark.parametrize("ranged", [None, 1.0, (0.0,), ("low", "high"), RuntimeError("boundless")])
def test_reward_range(ranged: Any) -> None:
    assert hold(Scripted()).reward_range == (0.0, 1.0)
    with pytest.raises(CollmError, match=r"reward_range (is|raised RuntimeError: boundless)"):
        assert hold(Scripted(ranged=ranged)).reward_range


@pytest.mark.parametrize(
    ("parsed", "problem"),
    [
        (KeyError("number"), "parse_task raised KeyError: 'number'"),
        (None, "parse_task gives the task None without an id"),
    ],
)
def test_parse_task(parsed: Any, problem: str) -> None:
    assert hold(Scripted()).parse_task({}, "line 1: task") == Page("p")
    with pytest.raises(CollmError, match=problem) as caught:
        hold(Scripted(parsed=parsed)).parse_task({}, "line 1: task")
    assert caught.value.where == "environment 'scripted', line 1: task"


@pytest.mark.parametrize(
    ("informed", "problem"),
    [
        (5, "global_information returned 5"),
        (ValueError("lost"), "global_information raised ValueError: lost"),
    ],
)
def test_global_information(informed: Any, problem: str) -> None:
    assert hold(Scripted(informed="m")).global_information(0, None, PAGE) == "m"
    with pytest.raises(CollmError, match=problem) as caught:
        hold(Scripted(informed=informed)).global_information(0, None, PAGE)
    assert caught.value.where == WHERE


@pytest.mark.parametrize("told", [None, "careful", (1,), OSError("lost")])
def test_notices(told: Any) -> None:
    assert hold(Scripted(told=["careful"])).notices() == ("careful",)
    with pytest.raises(CollmError, match=r"notices (returned|raised OSError: lost)"):
        hold(Scripted(told=told)).notices()


def test_a_reward_that_scale_makes_too_large() -> None:
    env = Scripted(reward_scale=1e300, reward_shift=1.0)
    assert hold(env).processed(0.0, PAGE) == 1.0
    with pytest.raises(CollmError, match="after scale and shift the reward 1e\\+30 is inf") as caught:
        hold(env).processed(1e30, PAGE)
    assert (caught.value.where, "reward_scale" in caught.value.mend) == (WHERE, True)


def test_ends_early() -> None:
    env = Scripted(termination_threshold=0.5)
    assert (hold(env).ends_early([1.0], PAGE), hold(env).ends_early([0.0], PAGE)) == (True, False)
    with pytest.raises(CollmError, match="ends_early raised ZeroDivisionError"):
        hold(env).ends_early([], PAGE)


def test_ctrl_c_is_no_fault_of_the_environment() -> None:
    with pytest.raises(KeyboardInterrupt):
        hold(Scripted(following=KeyboardInterrupt())).step(START, {})


def test_a_message_is_one_line_whatever_was_raised() -> None:
    with pytest.raises(CollmError) as caught:
        hold(Scripted(following=ValueError("one\n\n  two\r\nthree"))).step(START, {})
    assert "step raised ValueError: one two three. To mend it:" in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        {"following": Transition(0, 1.0, metrics=None)},  # type: ignore[arg-type]
        {"following": SystemExit(3)},
        {"informed": 5},
        {"reward_scale": 1e300, "following": Transition(0, 1e30, terminated=True)},
        {"found": None},
        {"named": RuntimeError("nobody")},
    ],
)
@pytest.mark.parametrize("check", ["score", "train", "check_env"])
def test_every_way_to_an_environment_names_its_fault(check: str, fault: dict[str, Any]) -> None:
    seen = {"a": Observation("look")}
    env = Scripted(**{"seen": seen, "following": Transition(0, 1.0, terminated=True), **fault})
    ways: dict[str, Callable[[], object]] = {
        "score": lambda: list(score_plays(env, ['{"task": {}, "turns": [{}]}'])),
        "train": lambda: check_tasks(env, print),
        "check_env": lambda: check_env(env),
    }
    if check == "score" and fault.keys() & {"found", "informed"}:
        ways[check]()  # asks for neither
    elif check == "check_env" and "reward_scale" in fault:
        pytest.skip("the contract is about raw rewards")
    else:
        with pytest.raises(CollmError, match="environment 'scripted'"):
            ways[check]()


def test_a_step_that_hangs_is_broken_infrastructure_of_its_task() -> None:
    class Hanging(Scripted):
        def step(self, state: int, replies: Mapping[str, str]) -> Transition[int]:
            while not opened.wait(60):
                pass
            return Transition(1, 1.0)

    opened = Event()
    message = re.escape(f"{WHERE}: step took longer than 0.05 s (env.step_seconds)")
    try:
        with pytest.raises(InfrastructureError, match=message):
            hold(Hanging(step_seconds=0.05)).step(START, {})
    finally:
        opened.set()
