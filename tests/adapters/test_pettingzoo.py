from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from collm.adapters.pettingzoo import to_pettingzoo
from collm.env import AnyEnvironment, Environment, Split, Transition
from collm.envs.minecraft.housebuild import HouseBuild
from collm.envs.minecraft.strbuild import StrBuild
from collm.errors import CollmError
from collm.rollout.replaying import replay
from collm.types import Observation, Observations

pytest.importorskip("pettingzoo", reason="the extra collm[pettingzoo] is not installed")


@dataclass(frozen=True, slots=True)
class Turn:
    id: str
    index: int = 0


class Alternating(Environment[Turn, Turn]):
    """Two agents speak in turn; each earns the length of its words, and the third turn is cut off."""

    type: Literal["alternating-of-the-pettingzoo-test"] = "alternating-of-the-pettingzoo-test"
    num_turns: int = 3

    @property
    def agents(self) -> tuple[str, ...]:
        return "ann", "bob"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 100.0

    def tasks(self, split: Split) -> Sequence[Turn]:
        return [Turn(f"{split}_{number}") for number in range(3)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Turn:
        return Turn(row["id"])

    def reset(self, task: Turn, seed: int) -> Turn:
        return Turn(f"{task.id}/{seed}")

    def observe(self, state: Turn) -> Observations:
        agent = self.agents[state.index % 2]
        return {agent: Observation(f"Speak, {agent} ✓", system="Be brief." if state.index == 0 else None)}

    def step(self, state: Turn, replies: Mapping[str, str]) -> Transition[Turn]:
        earned = {agent: float(len(replies.get(agent, ""))) for agent in self.agents}
        following = Turn(state.id, state.index + 1)
        return Transition(
            following, sum(earned.values()), truncated=following.index == 3, agent_rewards=earned
        )


@pytest.mark.parametrize(
    "env",
    [HouseBuild(), HouseBuild(num_agents=3, variant="reference"), StrBuild(), Alternating()],
    ids=["housebuild", "housebuild-3", "strbuild", "alternating"],
)
def test_pettingzoos_own_test_passes_without_a_warning(
    env: AnyEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    parallel_api_test = importlib.import_module("pettingzoo.test").parallel_api_test
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(to_pettingzoo(env, max_characters=10_000), num_cycles=20)
    assert "Passed Parallel API test" in capsys.readouterr().out


def test_it_is_a_parallel_env_with_text_spaces() -> None:
    wrapped = to_pettingzoo(HouseBuild())
    assert isinstance(wrapped, importlib.import_module("pettingzoo").ParallelEnv)
    text_space = importlib.import_module("gymnasium.spaces").Text
    observations, _ = wrapped.reset(seed=0)
    for agent, text in observations.items():
        assert isinstance(wrapped.observation_space(agent), text_space)
        assert wrapped.observation_space(agent).contains(text)
        assert wrapped.action_space(agent).contains("in any script: ✓ 木")
        assert not wrapped.action_space(agent).contains(3)


def test_an_episode_is_the_environments_own() -> None:
    env = HouseBuild(variant="reference", num_turns=2)
    task = env.tasks("test")[3]
    wrapped = to_pettingzoo(env, "test")
    observations, infos = wrapped.reset(options={"task": task.id})
    state = env.reset(task, 0)
    first = env.observe(state)["player_1"]
    assert observations["player_1"] == f"{first.system}\n\n{first.text}"
    assert infos["player_2"]["task"] == task.id
    for _ in range(2):
        replies = {"player_1": "/kill", "player_2": "/fill 0 0 0 1 1 1 stone"}
        transition = env.step(state, replies)
        seen, rewards, terminated, truncated, infos = wrapped.step(replies)
        state = transition.state
        assert set(rewards.values()) == {transition.reward}
        assert set(terminated.values()) == {transition.terminated}
        assert set(truncated.values()) == {False}
        assert infos["player_1"]["metrics"] == transition.metrics
    assert set(seen.values()) == {""}
    assert wrapped.agents == []


def test_the_infos_and_the_actions_replay_an_episode() -> None:
    env = Alternating()
    wrapped = to_pettingzoo(env)
    start = wrapped.reset(seed=3)[1]["ann"]
    (task,) = (task for task in env.tasks("train") if task.id == start["task"])
    actions: list[dict[str, str]] = [{"ann": "three short words"}, {"bob": "two more"}]
    for replies in actions:
        wrapped.step({"ann": "is not read", "bob": "is not read", **replies})
    assert (
        replay(env, task, start["seed"], actions).state
        == wrapped._state
        == Turn(f"{task.id}/{start['seed']}", 2)
    )


def test_a_seed_is_the_episodes_whether_or_not_the_task_is_named() -> None:
    wrapped = to_pettingzoo(HouseBuild())
    drawn, infos = wrapped.reset(seed=3)
    assert wrapped.reset(seed=3, options={"task": infos["player_1"]["task"]}) == (drawn, infos)


def test_a_seed_decides_the_tasks() -> None:
    one, other = to_pettingzoo(HouseBuild()), to_pettingzoo(HouseBuild())
    tasks = [[env.reset(seed=5 if n == 0 else None)[1] for n in range(4)] for env in (one, other)]
    assert tasks[0] == tasks[1]
    assert len({info["player_1"]["task"] for info in tasks[0]}) > 1


def test_an_agent_that_skips_a_turn_sees_nothing_and_is_not_read() -> None:
    wrapped = to_pettingzoo(Alternating())
    observations, _ = wrapped.reset()
    assert observations == {"ann": "Be brief.\n\nSpeak, ann ✓", "bob": ""}
    observations, rewards, *_ = wrapped.step({"ann": "four", "bob": "not my turn"})
    assert rewards == {"ann": 4.0, "bob": 0.0}
    assert observations == {"ann": "", "bob": "Speak, bob ✓"}
    wrapped.step({"bob": "me"})
    observations, _, terminated, truncated, _ = wrapped.step({"ann": ""})
    assert (set(terminated.values()), set(truncated.values())) == ({False}, {True})
    assert observations["bob"] == "Speak, bob ✓"


def test_mistakes_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = to_pettingzoo(HouseBuild())
    with pytest.raises(CollmError, match="there is no task 'castle'"):
        wrapped.reset(options={"task": "castle"})
    with pytest.raises(CollmError, match="call reset first"):
        wrapped.step({"player_1": "", "player_2": ""})
    wrapped.reset()
    with pytest.raises(CollmError, match="no action for player_2"):
        wrapped.step({"player_1": ""})
    monkeypatch.setitem(sys.modules, "collm.adapters.text_parallel_env", None)
    with pytest.raises(CollmError, match=r"collm\[pettingzoo\]"):
        to_pettingzoo(HouseBuild())
