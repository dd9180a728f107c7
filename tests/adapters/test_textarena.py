from __future__ import annotations

import importlib.util
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from collm.adapters.textarena import Deal, TextArena
from collm.base.validation import validated
from collm.contract.check_env import check_env
from collm.env import Transition, make_env
from collm.errors import CollmError, InfrastructureError

if importlib.util.find_spec("textarena") is None:
    pytest.skip("the extra collm[textarena] is not installed", allow_module_level=True)

ONE_ROUND = {"num_rounds": 1, "communication_turns": 1}
POT = {
    "game": "PublicGoodsGame-v0",
    "options": ONE_ROUND,
    "num_turns": 4,
    "payoff": "total_scores",
    "limits": [0, 35],
}
"""Each has 20 tokens; what is paid into the pot grows by half and is shared out evenly."""
DILEMMA = {"game": "IteratedPrisonersDilemma-v0", "options": ONE_ROUND, "num_turns": 4}


def env_of(**config: Any) -> TextArena:
    return validated(TextArena, {**POT, **config}, "env")


def played(env: TextArena, *moves: str) -> list[Transition[Any]]:
    """The transitions of an episode in which each move is made by whoever is to move."""
    state, transitions = env.reset(Deal("deal"), 0), list[Transition[Any]]()
    for move in moves:
        (agent,) = env.observe(state)
        transitions.append(env.step(state, {agent: move}))
        state = transitions[-1].state
    return transitions


@pytest.mark.parametrize(
    ("first", "second", "payoffs"),
    [
        ("[20]", "[20]", (30.0, 30.0)),
        ("[0]", "I give [0]", (20.0, 20.0)),
        ("[20]", "[0]", (15.0, 35.0)),
        ("[10]", "[0]", (17.5, 27.5)),
    ],
)
def test_the_team_is_paid_the_mean_of_the_pot_game(
    first: str, second: str, payoffs: tuple[float, float]
) -> None:
    moves = ("{all in?}", "{yes}", first, second)
    assert [transition.reward for transition in played(env_of(), *moves)] == [0, 0, 0, sum(payoffs) / 2]
    own = played(env_of(shared=False), *moves)[-1]
    assert own.agent_rewards == dict(zip(("player_0", "player_1"), payoffs, strict=True))
    assert own.terminated
    assert own.metrics == {"score": sum(payoffs) / 2, "invalid_moves": 0.0}


def test_players_hear_each_other_once_and_decide_in_secret() -> None:
    env = env_of()
    moves = played(env, "{all in?} I think", "{yes}", "[13]")
    first = env.observe(env.reset(Deal("deal"), 0))
    assert list(first) == ["player_0"]
    assert first["player_0"].text.startswith("[GAME] You are Player 0 in a Public Goods Game")
    assert "all in?" not in env.observe(moves[0].state)["player_1"].text
    third = env.observe(moves[1].state)["player_0"].text
    assert third.startswith(
        "[GAME] Messages from this turn:\nPlayer 0: all in?\nPlayer 1: yes\n\n[GAME] Conv"
    )
    assert "You are Player 0" not in third
    assert "[13]" not in env.observe(moves[2].state)["player_1"].text


def test_talk_of_a_neighbor_is_shown_with_its_name() -> None:
    env = validated(TextArena, DILEMMA, "env")
    talk = played(env, "let us cooperate")
    assert "[Player 0] let us cooperate" in env.observe(talk[0].state)["player_1"].text


def test_branches_do_not_disturb_each_other() -> None:
    env = env_of()
    fork = played(env, "", "", "[20]")[-1].state
    for reply, reward in (("[0]", 25.0), ("[20]", 30.0), ("[0]", 25.0)):
        assert env.step(fork, {"player_1": reply}).reward == reward


def test_without_a_table_the_result_is_the_reward() -> None:
    moves = ("a", "b", "[Defect]", "[Cooperate]")
    won = played(validated(TextArena, {**DILEMMA, "shared": False}, "env"), *moves)
    assert [each.agent_rewards for each in won[:3]] == [{"player_0": 0.0, "player_1": 0.0}] * 3
    assert won[-1].agent_rewards == {"player_0": 1.0, "player_1": -1.0}
    assert played(validated(TextArena, DILEMMA, "env"), *moves)[-1].reward == 0.0


def test_a_game_that_goes_on_is_cut_off() -> None:
    last = played(env_of(num_turns=3), "a", "b", "[1]")[-1]
    assert (last.terminated, last.truncated) == (False, True)


def test_deals_follow_from_the_seed_and_leave_other_randomness_alone() -> None:
    env = validated(TextArena, {"game": "KuhnPoker-v0"}, "env")

    def cards(seed: int) -> list[str]:
        return [repr(env.observe(env.reset(Deal(f"deal_{n}"), seed))) for n in range(8)]

    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    first = cards(seed=0)
    assert (random.random(), np.random.rand()) == expected
    assert first == cards(seed=0)
    assert first != cards(seed=1)
    assert len(set(first)) > 1


def test_games_in_many_threads_are_dealt_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switching threads inside every draw makes the race certain that was seen in 2 of 64 steps."""
    env = validated(TextArena, {"game": "KuhnPoker-v0", "num_turns": 60}, "env")
    shuffle = random.shuffle

    def slow_shuffle(cards: list[Any]) -> None:
        time.sleep(0.001)
        shuffle(cards)

    monkeypatch.setattr(random, "shuffle", slow_shuffle)

    def dealt(number: int) -> Any:
        state = env.reset(Deal(f"deal_{number % 4}"), number)
        (agent,) = observed = env.observe(state)
        return observed, env.step(state, {agent: "[check]"}), env.observe(state)

    expected = [dealt(number) for number in range(64)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(dealt, range(64))) == expected


@pytest.mark.parametrize(
    "config",
    [
        POT,
        {**POT, "shared": False},
        DILEMMA,
        {"game": "KuhnPoker-v0", "num_turns": 60, "shared": False},
        {"game": "TicTacToe-v0", "num_turns": 12},
        {"game": "PublicGoodsGame-v0", "num_agents": 3, "num_turns": 40},
    ],
    ids=["pot", "own", "dilemma", "poker", "tictactoe", "goods"],
)
def test_games_of_others_keep_our_contract(config: dict[str, Any]) -> None:
    check_env(validated(TextArena, config, "env"), tasks_per_split=1)


def test_it_is_named_by_its_path_in_a_recipe() -> None:
    env = make_env({"type": "collm.adapters.textarena:TextArena", **POT})
    assert isinstance(env, TextArena)
    assert [len(env.tasks(split)) for split in ("train", "test")] == [64, 16]
    assert env.parse_task({"id": "deal_7"}, "row") == Deal("deal_7")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"game": "PublicGoodsGame-v9"}, "close are PublicGoodsGame-v0"),
        ({"game": "a game of chess"}, "TextArena has no game"),
    ],
)
def test_an_unknown_game_is_refused(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        env_of(**config)


def test_a_wrong_table_or_team_is_explained() -> None:
    with pytest.raises(CollmError, match="its tables are contributions, total_scores"):
        played(env_of(payoff="points"), "hello")
    with pytest.raises(CollmError, match="number of players has to be 2"):
        played(validated(TextArena, {**DILEMMA, "num_agents": 3}, "env"), "hello")
    with pytest.raises(CollmError, match="cannot be set up: TypeError"):
        played(env_of(options={"rounds": 1}), "hello")


def test_a_game_that_breaks_is_no_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    env = env_of()
    state = env.reset(Deal("deal"), 0)
    module = importlib.import_module("textarena.envs.PublicGoodsGame.env")

    def broken(self: Any, action: str) -> None:
        raise IndexError("no such row")

    monkeypatch.setattr(module.PublicGoodsGameEnv, "step", broken)
    with pytest.raises(InfrastructureError, match="IndexError: no such row"):
        env.step(state, {"player_0": "hello"})


def test_without_the_library_the_mend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textarena", None)
    with pytest.raises(CollmError, match=r"collm\[textarena\]"):
        env_of()
