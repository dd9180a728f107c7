"""Environments of verifiers that this project did not write, played as ours, and ours played by verifiers."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from collm.adapters.verifiers_env import to_verifiers
from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, Environment, Split, Transition, make_env
from collm.envs.minecraft.housebuild import HouseBuild
from collm.errors import AbsentError, CollmError, InfrastructureError
from collm.rollout.replaying import replay
from collm.types import Observation, Observations

TYPE = "collm.adapters.verifiers:VerifiersEnvironment"
SUMS: dict[str, Any] = {
    "type": TYPE,
    "game": "verifiers.envs.integrations.reasoninggym_env:ReasoningGymEnv",
    "options": {"gym": "chain_sum", "num_train_examples": 4, "num_eval_examples": 2},
    "num_turns": 1,
}
LAKE: dict[str, Any] = {"type": TYPE, "game": "frozen-lake", "num_turns": 20}
LAKE_MODULE = """
import gymnasium
from verifiers.envs.experimental.gym_env import GymEnv

def load_environment(steps=None):
    return GymEnv(
        gymnasium.make, {"id": "FrozenLake-v1", "is_slippery": False}, ["left", "down", "right", "up"].index,
        str, 3, 2, steps, system_prompt="Walk.",
    )
"""
ODD_MODULE = """
import random
import datasets
import verifiers as vf

def good(completion, **_):
    return 1.0

def best(completions, **_) -> list:
    return [1.0 for _ in completions]

class Odd(vf.MultiTurnEnv):
    answer = "fine"

    async def env_response(self, messages, state, **_):
        return [vf.UserMessage(content=self.answer)]

class Fickle(Odd):
    async def env_response(self, messages, state, **_):
        return [vf.UserMessage(content=str(random.SystemRandom().random()))]

class Drawing(Odd):
    async def env_response(self, messages, state, **_):
        return [vf.UserMessage(content=str(random.random()))]

class Broken(Odd):
    async def env_response(self, messages, state, **_):
        raise KeyError("no such thing")

class Sandboxed(Odd):
    async def env_response(self, messages, state, **_):
        raise vf.InfraError("the sandbox died")

class Painted(Odd):
    async def env_response(self, messages, state, **_):
        return [vf.UserMessage(content=[{"type": "image_url", "image_url": {"url": "data:"}}])]

TOOL = {"name": "look", "description": "Look.", "parameters": {}}

def make(kind="Odd", func="good", tools=False):
    rows = datasets.Dataset.from_list([{"question": "What?"}])
    rubric = vf.Rubric(funcs=[globals()[func]])
    return globals()[kind](dataset=rows, rubric=rubric, tool_defs=[TOOL] if tools else None)

def nothing():
    return 3

def ours():
    from collm.adapters.verifiers_env import to_verifiers
    from collm.envs.minecraft.housebuild import HouseBuild
    return to_verifiers(HouseBuild(), "player_1")
"""


@pytest.fixture(scope="module")
def verifiers() -> Any:
    library = pytest.importorskip("verifiers", reason="the extra collm[verifiers] is not installed")
    if not hasattr(library, "load_environment"):
        pytest.skip("this version of verifiers has no load_environment, or lacks what it needs")
    return library


@pytest.fixture
def modules(verifiers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "frozen_lake.py").write_text(LAKE_MODULE)
    (tmp_path / "odd_ones.py").write_text(ODD_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for module in ("frozen_lake", "odd_ones"):
        sys.modules.pop(module, None)


def odd(**options: Any) -> AnyEnvironment:
    return make_env({"type": TYPE, "game": "odd_ones:make", "options": options, "num_turns": 3})


def played(env: AnyEnvironment, *replies: str) -> list[Transition[Any]]:
    state, transitions = env.reset(env.tasks("train")[0], 0), list[Transition[Any]]()
    for reply in replies:
        transitions.append(env.step(state, dict.fromkeys(env.agents, reply)))
        state = transitions[-1].state
    return transitions


def test_sums_of_reasoning_gym_are_paid_as_their_rubric_says(verifiers: Any) -> None:
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed")
    env = make_env({**SUMS, "agent": "thinker"})
    check_env(env)
    assert [len(env.tasks("train")), len(env.tasks("test"))] == [4, 2]
    state = env.reset(env.tasks("test")[1], 0)
    seen = env.observe(state)["thinker"]
    assert seen.system is not None
    assert "<answer>" in seen.system
    terms = seen.text.rpartition(":")[2].removesuffix("=").split()
    total = sum(int(f"{sign}{term}") for sign, term in zip(["+", *terms[1::2]], terms[::2], strict=True))
    right = env.step(state, {"thinker": f"<answer>{total}</answer>"})
    assert (right.reward, right.terminated, right.truncated) == (1.0, True, False)
    assert right.metrics["check_answer_reward_func"] == 1.0
    assert env.observe(right.state) == {}
    assert env.step(state, {"thinker": f"<answer>{total + 1}</answer>"}).reward < 0.1


@pytest.mark.usefixtures("modules")
def test_a_walk_in_many_turns_is_paid_at_its_end() -> None:
    pytest.importorskip("gymnasium")
    env = make_env(LAKE)
    check_env(env, tasks_per_split=1)
    found = played(env, "down", "down", "right", "right", "down", "right", "the last word, which is not read")
    assert [step.reward for step in found] == [0, 0, 0, 0, 0, 0, 1]
    assert [step.terminated for step in found] == [False] * 6 + [True]
    assert env.observe(found[5].state)["player"].text.startswith("15\nEpisode already ended")
    assert found[2].metrics == {"sum_step_rewards": 0.0, "num_turns": 3.0}
    assert env.observe(found[0].state) == {"player": Observation("4")}
    start = env.reset(env.tasks("train")[0], 0)
    assert env.observe(start) == {"player": Observation("0", "Walk.")}


@pytest.mark.usefixtures("modules")
def test_branches_and_replays_give_the_same_states() -> None:
    env = make_env({**LAKE, "num_turns": 6})
    fork = played(env, "down", "down", "right", "right", "down")[-1].state
    paid = [env.step(fork, {"player": reply}).reward for reply in ("left", "right", "left")]
    assert paid == [0.0, 1.0, 0.0]
    actions = [{"player": "down"}, {"player": "down"}]
    assert replay(env, env.tasks("train")[0], 0, actions).state == played(env, "down", "down")[-1].state


@pytest.mark.usefixtures("modules")
def test_our_limit_truncates_and_theirs_terminates() -> None:
    ours = played(make_env({**LAKE, "num_turns": 2}), "down", "down")[-1]
    assert (ours.terminated, ours.truncated) == (False, True)
    theirs = played(make_env({**LAKE, "options": {"steps": 2}}), "down", "down")[-1]
    assert (theirs.terminated, theirs.truncated) == (True, False)
    assert played(odd(), "a", "b", "c")[-1].reward == 1.0


@pytest.mark.usefixtures("modules")
def test_what_it_draws_follows_from_the_seed() -> None:
    env = odd(kind="Drawing")
    task = env.tasks("train")[0]
    one, same, other = (replay(env, task, seed, [{"player": "x"}]).state for seed in (1, 1, 2))
    assert env.observe(one) == env.observe(same) != env.observe(other)


@pytest.mark.usefixtures("modules")
def test_one_that_its_seed_does_not_decide_is_refused() -> None:
    with pytest.raises(CollmError, match="the game is not deterministic"):
        played(odd(kind="Fickle"), "a", "b")


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(("kind", "problem"), [("Broken", "KeyError"), ("Sandboxed", "the sandbox died")])
def test_one_that_breaks_fails_the_tree(kind: str, problem: str) -> None:
    with pytest.raises(InfrastructureError, match=problem):
        played(odd(kind=kind), "a")


@pytest.mark.usefixtures("modules")
def test_it_steps_inside_an_event_loop_and_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)

    async def main() -> float:
        return played(odd(kind="Odd", func="good"), "a", "b", "c")[-1].reward

    assert asyncio.run(main()) == 1.0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("modules")
def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(CollmError, match="compare several rollouts"):
        odd(func="best")
    with pytest.raises(CollmError, match="offers tools"):
        played(odd(tools=True), "a")
    with pytest.raises(CollmError, match="shows image_url"):
        played(odd(kind="Painted"), "a")
    with pytest.raises(CollmError, match="makes a int, not an environment"):
        make_env({"type": TYPE, "game": "odd_ones:nothing"})
    with pytest.raises(CollmError, match="is an environment of this library already"):
        make_env({"type": TYPE, "game": "odd_ones:ours"})
    with pytest.raises(CollmError, match="no-such-one cannot be set up"):
        make_env({"type": TYPE, "game": "no-such-one"})
    env = odd()
    for name in ("train_0001", "castle", "train_x"):
        with pytest.raises(CollmError, match=f"has no task '{name}'"):
            env.parse_task({"id": name}, "row 1")


def test_without_the_library_the_mend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verifiers", None)
    monkeypatch.delitem(sys.modules, "collm.adapters.multi_turn_env", raising=False)
    with pytest.raises(AbsentError, match=r"collm\[verifiers\]"):
        make_env(SUMS)
    with pytest.raises(AbsentError, match=r"collm\[verifiers\]"):
        to_verifiers(HouseBuild(), "player_1")


@dataclass(frozen=True, slots=True)
class Turn:
    id: str
    index: int = 0


class Relay(Environment[Turn, Turn]):
    """Bob, ann, bob and ann speak one after the other; each earns the length of its words."""

    type: Literal["relay-of-the-verifiers-test"] = "relay-of-the-verifiers-test"
    num_turns: int = 4

    @property
    def agents(self) -> tuple[str, ...]:
        return "ann", "bob"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 100.0

    def tasks(self, split: Split) -> Sequence[Turn]:
        return [Turn(f"{split}_{number}") for number in range(2)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Turn:
        return Turn(row["id"])

    def reset(self, task: Turn, seed: int) -> Turn:
        return Turn(f"{task.id}/{seed}")

    def observe(self, state: Turn) -> Observations:
        agent = self.agents[(state.index + 1) % 2]
        return {agent: Observation(f"Turn {state.index}", system="Be brief.")}

    def step(self, state: Turn, replies: Mapping[str, str]) -> Transition[Turn]:
        if replies == {"ann": "break"}:
            raise InfrastructureError("the line went dead")
        following = Turn(state.id, state.index + 1)
        earned = float(sum(map(len, replies.values())))
        metrics = {"turns": float(following.index)}
        return Transition(following, earned, metrics=metrics, terminated=following.index == 4)


def rolled_out(wrapped: Any, row: Mapping[str, Any], *replies: str) -> dict[str, Any]:
    """What verifiers itself gives for a row, with a model that says the replies."""
    script = importlib.import_module("collm.adapters.verifiers_rollout").Script(replies)
    found = wrapped.run_rollout(dict(row), script, "replies", {}, state_columns=["trajectory"])
    return dict(asyncio.run(found))


def test_verifiers_plays_one_agent_and_callables_the_others(verifiers: Any) -> None:
    wrapped = to_verifiers(Relay(), "ann", {"bob": lambda seen: seen.text + "!"})
    assert isinstance(wrapped, verifiers.MultiTurnEnv)
    row = wrapped.get_eval_dataset()[1]
    assert row["prompt"] == [
        {"content": "Be brief.", "role": "system"},
        {"content": "Turn 1", "role": "user"},
    ]
    output = rolled_out(wrapped, row, "four", "sixsix")
    assert output["reward"] == len("Turn 0!") + len("four") + len("Turn 2!") + len("sixsix")
    assert [step["reward"] for step in output["trajectory"]] == [7 + 4 + 7, 6]
    assert output["trajectory"][0]["extras"]["metrics"] == {"turns": 3.0}
    assert [message["content"] for message in output["completion"]] == ["four", "Turn 3", "sixsix"]
    assert output["stop_condition"] == "episode_is_over"


def test_agents_without_a_player_are_silent(verifiers: Any) -> None:
    wrapped = to_verifiers(Relay(), "ann")
    assert rolled_out(wrapped, wrapped.get_dataset()[0], "four", "")["reward"] == 4.0


def test_the_reward_is_what_our_environment_gives(verifiers: Any) -> None:
    env = HouseBuild(num_turns=2)
    wrapped = to_verifiers(env, "player_1", {"player_2": lambda seen: "/kill"})
    row = wrapped.get_dataset()[0]
    info = importlib.import_module("json").loads(row["info"])
    state, total = env.reset(env.tasks("train")[0], info["seed"]), 0.0
    for reply in ("/fill 0 0 0 1 1 1 stone", "/kill"):
        transition = env.step(state, {"player_1": reply, "player_2": "/kill"})
        state, total = transition.state, total + transition.reward
    output = rolled_out(wrapped, row, "/fill 0 0 0 1 1 1 stone", "/kill")
    assert output["reward"] == pytest.approx(total)
    assert total != 0.0


def test_a_broken_step_is_an_error_of_the_rollout(verifiers: Any) -> None:
    wrapped = to_verifiers(Relay(), "ann")
    output = rolled_out(wrapped, wrapped.get_dataset()[0], "break")
    assert output["stop_condition"] == "has_error"
    assert "the line went dead" in output["error"]["error_chain_repr"]


def test_agents_are_named(verifiers: Any) -> None:
    with pytest.raises(CollmError, match="name one of ann, bob"):
        to_verifiers(Relay())
    with pytest.raises(CollmError, match="there is no 'carl'"):
        to_verifiers(Relay(), "ann", {"carl": lambda seen: ""})
