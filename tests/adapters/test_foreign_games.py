"""Games of Gymnasium and PettingZoo that this project did not write, played through our protocol."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, Transition, make_env
from collm.errors import AbsentError, CollmError
from collm.rollout.replaying import replay

for package in ("gymnasium", "pettingzoo", "pygame"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

LAKE: dict[str, Any] = {
    "type": "collm.adapters.gymnasium:Gymnasium",
    "game": "FrozenLake-v1",
    "options": {"is_slippery": False},
    "num_turns": 20,
    "drawn": True,
    "wording": {"words": ["left", "down", "right", "up"]},
}
HANDS: dict[str, Any] = {
    "type": "collm.adapters.pettingzoo_games:PettingZoo",
    "game": "pettingzoo.classic.rps_v2:parallel_env",
    "options": {"max_cycles": 2},
    "num_turns": 2,
    "shared": False,
    "wording": {"words": ["rock", "paper", "scissors"]},
}
CROSSES: dict[str, Any] = {
    "type": "collm.adapters.pettingzoo_games:PettingZoo",
    "game": "pettingzoo.classic.tictactoe_v3:env",
    "num_turns": 9,
    "shared": False,
    "wording": {"describe": "telling_crosses:board"},
}
TELLING = """
def board(agent, observation, info):
    mine, theirs = observation["observation"][..., 0], observation["observation"][..., 1]
    rows = [["x" if m else "o" if t else "." for m, t in zip(*both)] for both in zip(mine, theirs)]
    return f"{agent}:" + "/".join("".join(row) for row in rows)
"""


@pytest.fixture(autouse=True)
def _telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "telling_crosses.py").write_text(TELLING)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("telling_crosses", None)


def played(env: AnyEnvironment, *moves: Mapping[str, str] | str) -> list[Transition[Any]]:
    """The transitions of an episode; a text is the reply of everyone who is to move."""
    state, transitions = env.reset(env.tasks("train")[0], 0), list[Transition[Any]]()
    for move in moves:
        replies = dict.fromkeys(env.observe(state), move) if isinstance(move, str) else move
        transitions.append(env.step(state, replies))
        state = transitions[-1].state
    return transitions


@pytest.mark.parametrize("config", [LAKE, HANDS, CROSSES], ids=["lake", "hands", "crosses"])
def test_games_of_others_keep_our_contract(config: dict[str, Any]) -> None:
    check_env(make_env(config), tasks_per_split=1)


def test_a_walk_over_the_frozen_lake_reaches_the_goal() -> None:
    env = make_env(LAKE)
    found = played(env, "I go down!", "DOWN", "right", "right", "down", "not left but right")
    assert [step.reward for step in found] == [0, 0, 0, 0, 0, 1]
    assert found[-1].terminated
    assert {step.metrics["valid"] for step in found} == {1.0}
    assert "SFFF" in env.observe(found[0].state)["player"].text
    assert env.observe(found[-1].state) == {}


def test_a_reply_that_names_no_action_is_played_and_measured() -> None:
    (step,) = played(make_env(LAKE), "\x00 leftover")
    assert step.metrics == {"valid": 0.0}


def test_a_game_that_gymnasium_cuts_off_is_truncated_not_terminated() -> None:
    env = make_env({**LAKE, "options": {"is_slippery": False, "max_episode_steps": 2}})
    assert [(s.terminated, s.truncated) for s in played(env, "left", "left")] == [
        (False, False),
        (False, True),
    ]


def test_parallel_players_move_at_once_and_see_what_the_other_did() -> None:
    env = make_env(HANDS)
    first, last = played(env, {"player_0": "paper!", "player_1": "rock"}, "rock")
    assert first.agent_rewards == {"player_0": 1.0, "player_1": -1.0}
    assert {agent: seen.text for agent, seen in env.observe(first.state).items()} == {
        "player_0": "0",
        "player_1": "1",
    }
    assert (last.reward, last.truncated, last.terminated) == (0, True, False)
    assert (
        make_env({**HANDS, "shared": True})
        .step(env.reset(env.tasks("train")[0], 0), {"player_0": "paper", "player_1": "rock"})
        .agent_rewards
        is None
    )


def test_turn_based_players_move_one_after_the_other() -> None:
    env = make_env(CROSSES)
    found = played(env, "0", "3", "1", "4", "2")
    assert env.observe(found[0].state)["player_2"].text == "player_2:o../.../..."
    assert env.observe(found[1].state)["player_1"].text == "player_1:x../o../..."
    assert found[-1].agent_rewards == {"player_1": 1.0, "player_2": -1.0}
    assert found[-1].terminated


def test_an_illegal_move_ends_the_game_as_its_library_says() -> None:
    last = played(make_env(CROSSES), "4", "4")[-1]
    assert last.agent_rewards == {"player_1": 0.0, "player_2": -1.0}
    assert last.terminated


def test_branches_do_not_disturb_each_other() -> None:
    env = make_env(CROSSES)
    fork = played(env, "0", "3", "1", "4")[-1].state
    for reply, reward in (("8", 0.0), ("2", 1.0), ("8", 0.0)):
        given = env.step(fork, {"player_1": reply}).agent_rewards
        assert given is not None
        assert given["player_1"] == reward


def test_a_state_is_had_again_from_the_task_the_seed_and_the_replies() -> None:
    env = make_env({**LAKE, "options": {"is_slippery": True}})
    task = env.tasks("train")[0]
    actions = [{"player": word} for word in ("left", "left", "left")]
    one, other = (replay(env, task, 5, actions).state for _ in range(2))
    assert one == other
    assert len(one.moves) == 3


class Fickle:
    """A turn-based game that shows a number nobody seeded."""

    noise = random.SystemRandom()

    def __init__(self) -> None:
        import gymnasium

        self.possible_agents, self.agents = ["a"], ["a"]
        self.observation_space = self.action_space = lambda agent: gymnasium.spaces.Text(100)

    def reset(self, seed: int) -> tuple[dict[str, str], dict[str, Any]]:
        return {"a": "begin"}, {}

    def step(self, actions: dict[str, str]) -> tuple[dict[str, Any], ...]:
        none = {"a": False}
        return {"a": str(self.noise.random())}, {"a": 0.0}, none, none, {}

    def close(self) -> None:
        pass


def test_a_game_that_its_seed_does_not_decide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("fickle_games")
    module.Fickle = Fickle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fickle_games", module)
    env = make_env({**HANDS, "game": "fickle_games:Fickle", "options": {}, "num_turns": 3})
    with pytest.raises(CollmError, match="the game is not deterministic: played again, it shows"):
        check_env(env)
    state = played(env, "x")[-1].state
    with pytest.raises(CollmError, match="the game is not deterministic"):
        env.step(state, {"a": "x"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"game": "FrozenPond-v1"}, "cannot be set up"),
        ({"options": {"depth": 3}}, "cannot be set up: TypeError"),
    ],
)
def test_a_game_that_cannot_be_made_is_named(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        make_env({**LAKE, **change})


def test_too_few_words_are_refused() -> None:
    with pytest.raises(CollmError, match="2 words for 4 actions"):
        played(make_env({**LAKE, "wording": {"words": ["left", "right"]}}), "left")


def test_without_the_library_the_mend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for package, config in (("gymnasium", LAKE), ("pettingzoo", {**HANDS, "options": {}})):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(AbsentError, match=r"collm\[pettingzoo\]"):
            make_env(config)
