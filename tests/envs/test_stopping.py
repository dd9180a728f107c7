"""Votes, costs and rules around any environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collm.contract.check_env import check_env
from collm.env import Transition, make_env
from collm.envs.stopping import Stopping
from collm.errors import CollmError
from tests.protocols.scripted import Said, Word, Words


def words(**settings: Any) -> Stopping:
    return Stopping.model_validate({"env": Words(num_turns=3, size=3), **settings})


def played(env: Stopping, *turns: Mapping[str, str]) -> list[Transition[Any]]:
    state, transitions = env.reset(Word("one"), 0), []
    for replies in turns:
        transitions.append(env.step(state, replies))
        state = transitions[-1].state
    return transitions


def said(*replies: str) -> dict[str, str]:
    return dict(zip("abc", replies, strict=True))


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ("any", [False, True, True, True]),
        ("majority", [False, False, True, True]),
        ("all", [False] * 3 + [True]),
    ],
)
def test_the_rule_says_how_many_votes_end_an_episode(rule: str, ends: Sequence[bool]) -> None:
    env = words(rule=rule)
    found = [played(env, said(*["fine STOP"] * votes, *["fine"] * (3 - votes)))[0] for votes in range(4)]
    assert [one.terminated for one in found] == ends
    assert [one.metrics["stopped"] for one in found] == [float(end) for end in ends]
    assert [one.metrics["votes"] for one in found] == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_half_of_two_is_no_majority() -> None:
    env = Stopping.model_validate({"env": Words(num_turns=3, size=2)})
    assert not played(env, {"a": "STOP", "b": "on"})[0].terminated


def test_a_vote_is_no_part_of_the_work() -> None:
    first, second = played(words(), said("one STOP", "two", " a three "), said("", "", ""))
    assert second.state.inner.turns[0] == "one,two, a three "
    assert first.reward == 3 + 3 + 9


def test_turns_and_words_cost() -> None:
    env = words(turn_cost=0.5, word_cost=0.25)
    (turn,) = played(env, said("one two", "", "three"))
    assert turn.reward == 12 - 0.5 - 0.75
    assert turn.components == {"before": 0.0, "cost": -1.25}
    assert env.reward_range == (float("-inf"), 99.5)
    assert words(turn_cost=0.5).reward_range == (-0.5, 99.5)


def test_an_episode_can_be_worth_what_its_last_turn_is() -> None:
    env = words(pays="change", turn_cost=1.0)
    turns = played(env, said("four", "", ""), said("seventy", "", ""), said("two", "", ""))
    assert [turn.reward for turn in turns] == [4 - 1, 3 - 1, -4 - 1]
    assert sum(turn.reward for turn in turns) == 3 - 3
    assert env.reward_range == (-101.0, 99.0)


def test_a_natural_end_is_no_stop() -> None:
    *_, last = played(words(), *[said("STOP", "", "")] * 2, said("STOP", "STOP", "STOP"))
    assert last.terminated
    assert last.metrics["stopped"] == 0.0
    assert last.metrics["votes"] == 1.0


def test_agents_are_told_how_to_vote_unless_that_is_left_out() -> None:
    env, silent = words(invitation="Say STOP to end."), words(invitation="")
    state = env.reset(Word("one"), 0)
    assert env.observe(state)["a"].text == "one0 for a\n\nSay STOP to end."
    assert silent.observe(state)["a"].text == "one0 for a"


class Shared(Words):
    """Gives every agent a reward of its own."""

    def step(self, state: Said, replies: Mapping[str, str]) -> Transition[Said]:
        turn = super().step(state, replies)
        return Transition(turn.state, turn.reward, agent_rewards=dict.fromkeys(self.agents, 2.0))


def test_single_agents_pay_too_where_rewards_are_theirs() -> None:
    env = Stopping.model_validate({"env": Shared(num_turns=3, size=3), "turn_cost": 0.5})
    (turn,) = played(env, said("", "", ""))
    assert turn.agent_rewards == {"a": 1.5, "b": 1.5, "c": 1.5}


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "digging", "size": 2},
        {"type": "probe_credit"},
        {"type": "housebuild"},
        {"type": "strbuild"},
    ],
)
def test_it_keeps_the_contract_around_other_environments(inner: dict[str, Any]) -> None:
    try:
        env = make_env({"type": "stopping", "env": inner, "turn_cost": 0.1})
        env.tasks("train")
    except CollmError as error:
        pytest.skip(str(error))
    check_env(env, tasks_per_split=1)
    assert make_env(env.model_dump(mode="json")) == env
    assert env.num_turns == make_env(inner).num_turns


@pytest.mark.parametrize("inner", [{"type": "digging"}, {"type": "digging", "num_turns": 2}])
def test_a_number_in_quotes_outside_is_the_number(inner: dict[str, object]) -> None:
    env = make_env({"type": "stopping", "num_turns": "2", "env": inner})
    assert isinstance(env, Stopping)
    assert env.num_turns == env.env.num_turns == 2


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"num_turns": 2, "env": {"type": "digging", "num_turns": 3}}, "num_turns is another one below env"),
        ({"rule": "most"}, "env.rule"),
        ({"turn_cost": -1}, "env.turn_cost"),
        ({"env": {"type": "digging", "sise": 2}}, "env.env.sise"),
        ({"env": {"type": "nothing"}}, "env.env.type"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        make_env({"type": "stopping", "env": {"type": "digging"}, **settings})


def test_it_needs_an_environment() -> None:
    with pytest.raises(CollmError, match=r"env\.env: this key is required"):
        make_env({"type": "stopping"})
