"""Faults that are planted in recorded episodes are found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from collm.agents.policy import Actions, Policy, Request
from collm.config.tree import EvaluationConfig
from collm.contract.held import hold
from collm.engines.base import Deferred
from collm.env import Transition
from collm.errors import CollmError, InfrastructureError
from collm.evaluation.blame import Blame, blamed, with_blame
from collm.evaluation.playing import evaluate_by
from collm.protocols.discussion import Discussion
from collm.protocols.parallel import Parallel
from collm.rollout import Reset, rollout
from collm.runs.records import turn_rows
from collm.types import Action, Tree
from tests.protocols.scripted import Said, Word, Words, team

Rule = Callable[[Sequence[str]], float]
"""From the joint replies of the turns, such as ``ok,bad``, to the reward at the last of them."""

RULES: dict[str, Rule] = {
    "all": lambda turns: float(all("bad" not in turn for turn in turns)),
    "a turn": lambda turns: float(any("bad" not in turn for turn in turns)),
    "first": lambda turns: float(not turns[0].startswith("bad")),
}


class Paid(Words):
    """Pays at the last turn, as a rule says of everything that was said."""

    rule: str = "all"
    dies_of: str = ""

    def step(self, state: Said, replies: Mapping[str, str]) -> Transition[Said]:
        transition = super().step(state, {agent: replies[agent] for agent in self.agents})
        if self.dies_of and self.dies_of in replies.values():
            raise InfrastructureError("the sandbox died")
        pays = transition.terminated
        reward = RULES[self.rule](transition.state.turns) if pays else 0.0
        return Transition(transition.state, reward, terminated=pays)


class Careful:
    """Draws one reply after the other from a list, whatever it is asked."""

    def __init__(self, *says: str) -> None:
        self.says, self.requests = says, []  # type: ignore[var-annotated]

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.requests += requests
        drawn = [
            tuple(Action(self.says[k % len(self.says)]) for k in range(len(request.seeds)))
            for request in requests
        ]
        return Deferred(lambda: drawn)

    def release(self) -> None:
        pass


def recorded(env: Words, **said: Sequence[str]) -> Tree:
    """An episode in which agents said these words, turn by turn."""
    policies = {agent: team([], **{agent: _reader(iter(words))})[agent] for agent, words in said.items()}
    return rollout(env, policies, [Reset(Word("one"), 0)]).trees[0]


def _reader(words: Any) -> Callable[[str], str]:
    return lambda text: str(next(words))


def blame_of(env: Words, tree: Tree, policies: Mapping[str, Policy], samples: int = 3) -> Blame:
    (found,) = blamed(env, policies, [tree], samples)
    assert found is not None
    return found


def test_a_planted_fault_is_found_and_nobody_else_is_blamed() -> None:
    env = Paid(num_turns=3)
    tree = recorded(env, a=["ok", "ok", "ok"], b=["ok", "bad", "ok"])
    found = blame_of(env, tree, {"a": Careful("ok"), "b": Careful("ok")})
    assert {reply: gain for reply, gain in found.gains.items() if gain} == {(1, "b"): 1.0}
    assert found.decisive == (1, "b")
    assert found.caused == {"a": 0.0, "b": 1.0}


def test_a_fault_that_fresh_replies_repeat_has_the_share_of_those_that_do_not() -> None:
    env = Paid(num_turns=1)
    tree = recorded(env, a=["bad"], b=["ok"])
    found = blame_of(env, tree, {"a": Careful("ok", "bad"), "b": Careful("ok")}, samples=4)
    assert found.gains == {(0, "a"): 0.5, (0, "b"): 0.0}
    assert found.bounds[0, "a"] == pytest.approx(0.5 - 1.645 * (1 / 3) ** 0.5 / 2)
    assert found.decisive == (0, "a")
    few = blame_of(env, tree, {"a": Careful("ok", "bad"), "b": Careful("ok")}, samples=2)
    assert few.bounds[0, "a"] < 0
    assert few.decisive is None


def test_of_two_faults_each_enough_to_fail_neither_is_blamed_alone_and_shapley_shares() -> None:
    env = Paid(num_turns=2)
    tree = recorded(env, a=["bad", "ok"], b=["ok", "bad"])
    found = blame_of(env, tree, {"a": Careful("ok"), "b": Careful("ok")})
    assert set(found.gains.values()) == {0.0}
    assert found.decisive is None
    assert found.caused == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("size", [3, 4])
def test_shapley_values_add_up_to_what_drawing_everything_anew_gains(size: int) -> None:
    env = Paid(num_turns=1, size=size)
    names = env.agents
    said = {name: ["bad" if name in "ab" else "ok"] for name in names}
    found = blame_of(env, recorded(env, **said), {name: Careful("ok") for name in names})
    assert found.caused == pytest.approx({name: 0.5 if name in "ab" else 0.0 for name in names})


def test_of_two_turns_that_must_both_fail_either_is_enough_and_the_earlier_is_decisive() -> None:
    env = Paid(num_turns=2, rule="a turn")
    tree = recorded(env, a=["bad", "bad"], b=["ok", "ok"])
    found = blame_of(env, tree, {"a": Careful("ok"), "b": Careful("ok")})
    assert found.gains == {(0, "a"): 1.0, (0, "b"): 0.0, (1, "a"): 1.0, (1, "b"): 0.0}
    assert found.decisive == (0, "a")


def test_a_good_reply_has_negative_blame() -> None:
    env = Paid(num_turns=2, rule="first")
    tree = recorded(env, a=["ok", "ok"], b=["bad", "ok"])
    found = blame_of(env, tree, {"a": Careful("bad"), "b": Careful("ok")})
    assert found.gains[0, "a"] == -1.0
    assert found.decisive is None


def test_replies_are_drawn_where_they_were_said_with_noise_of_their_own() -> None:
    env, players = Paid(num_turns=2), {"a": Careful("ok"), "b": Careful("ok")}
    tree = recorded(env, a=["ok", "bad"], b=["ok", "ok"])
    blame_of(env, tree, players)
    requests = players["a"].requests
    assert [len(request.history.actions) for request in requests] == [0, 1]
    assert [request.observation.text for request in requests] == ["one0 for a", "one1 for a"]
    seeds = [seed for player in players.values() for request in player.requests for seed in request.seeds]
    assert len(set(seeds)) == 2 * 2 * 3


def test_an_agent_that_had_no_turn_is_not_blamed() -> None:
    class Alternating(Paid):
        def step(self, state: Said, replies: Mapping[str, str]) -> Transition[Said]:
            return super().step(state, {"a": "", "b": "", **replies})

    env = Alternating(num_turns=2, one_at_a_time=True)
    tree = recorded(env, a=["bad"], b=["ok"])
    found = blame_of(env, tree, {"a": Careful("ok"), "b": Careful("ok")})
    assert found.gains == {(0, "a"): 1.0, (1, "b"): 0.0}


def test_broken_infrastructure_leaves_an_episode_without_blame_and_a_failed_one_has_none() -> None:
    env = Paid(num_turns=1, dies_of="poison")
    good = recorded(env, a=["bad"], b=["ok"])
    failed = Tree(Word("two"), 0, failure="gone")
    players: dict[str, Policy] = {"a": Careful("poison"), "b": Careful("ok")}
    assert blamed(env, players, [good, failed], 2) == [None, None]
    rows = list(with_blame(turn_rows([good, failed]), [None, None]))
    assert rows == list(turn_rows([good, failed]))


def test_rows_have_the_blame_by_agent_turn_by_turn() -> None:
    env = Paid(num_turns=2)
    tree = recorded(env, a=["ok", "ok"], b=["ok", "bad"])
    first, second = with_blame(
        turn_rows([tree]), blamed(env, {"a": Careful("ok"), "b": Careful("ok")}, [tree], 2)
    )
    assert first["blame"] == {"a": 0.0, "b": 0.0}
    assert first["caused"] == {"a": 0.0, "b": 1.0}
    assert "blame_decisive" not in first
    assert second["blame"] == second["blame_low"] == {"a": 0.0, "b": 1.0}
    assert second["blame_decisive"] == {"b": 1.0}
    assert "caused" not in second


class Slipping(Careful):
    """Says something bad where it is asked once, and what it was made with where it is asked again."""

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        if any(len(request.seeds) > 1 for request in requests):
            return super().submit(requests, greedy, keep)
        return Deferred(lambda: [(Action("bad"),) for _ in requests])


def test_an_evaluation_reports_what_agents_caused_and_changes_nothing_else() -> None:
    env = Paid(num_turns=1)
    players: dict[str, Policy] = {"a": Slipping("ok"), "b": Careful("ok")}
    plain = evaluate_by(Parallel(), env, players, EvaluationConfig(), 3)
    found = evaluate_by(Parallel(), env, players, EvaluationConfig(blame=2), 3)
    assert (found.measures["caused/a"], found.measures["caused/b"]) == (1.0, 0.0)
    assert all("blame" in turn for row in found.rows if not row["greedy"] for turn in row["turns"])
    assert not any("blame" in turn for row in found.rows if row["greedy"] for turn in row["turns"])
    untimed = [name for name in plain.measures if "seconds" not in name]
    assert [found.measures[name] for name in untimed] == [plain.measures[name] for name in untimed]


def test_protocols_in_which_agents_read_each_other_refuse_it() -> None:
    players = team([], a=str, b=str)
    with pytest.raises(CollmError, match=r"evaluation\.blame: in discussion"):
        evaluate_by(Discussion(rounds=2), hold(Words()), players, EvaluationConfig(blame=2), 3)


def test_one_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="one sample gives no bound"):
        EvaluationConfig(blame=1)
