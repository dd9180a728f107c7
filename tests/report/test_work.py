"""What an update draws at most, held to what rollouts draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from collm.agents.policy import Actions, Request
from collm.algorithms.base import Algorithm, algorithms, make_algorithm
from collm.algorithms.c3 import C3
from collm.algorithms.coma import COMA
from collm.algorithms.learned_reward import LearnedReward
from collm.algorithms.qmix import QMIX
from collm.algorithms.remax import ReMax
from collm.algorithms.rloo import RLOO
from collm.algorithms.vdn import VDN
from collm.config.recipes import load_recipe
from collm.engines.base import Deferred
from collm.report.work import (
    calls_of,
    joint_actions,
    probed_at_once,
    probed_of_turns,
    samples_of_turns,
    work_of,
)
from collm.rollout import Reset, Rollout, probed, rollout
from tests.algorithms.played import Bit, Played
from tests.algorithms.tabular import Game
from tests.trees import Named

GAME = Game(3, lambda past: 1.0, [[0.5, 0.5]] * 3)


@dataclass(frozen=True)
class Counting(Bit):
    """Remembers how many samples it was asked for together."""

    together: list[int] = field(default_factory=list)

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.together.append(sum(len(request.seeds) for request in requests))
        return super().submit(requests, greedy, keep)


def drawn(algorithm: Algorithm) -> tuple[Rollout, list[int]]:
    """A tree in which no episode ends early, a token a call, and what its probes asked for together."""
    env = Played(game=GAME, num_turns=GAME.turns)
    policies = {name: Counting(GAME, place) for place, name in enumerate(env.agents)}
    grown = rollout(env, policies, [Reset(Named("game"), 0)], algorithm.branching)
    for policy in policies.values():
        policy.together.clear()
    grown = probed(env, policies, grown, {0: algorithm.probes(grown.trees[0])})
    return grown, [samples for policy in policies.values() for samples in policy.together]


@pytest.mark.parametrize(
    "algorithm",
    [
        C3(),
        C3(alternatives=0),
        COMA(alternatives=3),
        VDN(),
        QMIX(),
        ReMax(),
        ReMax(num_generations=2),
        ReMax(num_generations=2, mode="cross"),
        RLOO(num_generations=2),
        LearnedReward(method=ReMax(num_generations=2)),
    ],
    ids=str,
)
def test_the_calls_told_are_those_that_a_whole_tree_takes(algorithm: Algorithm) -> None:
    own = sum(samples_of_turns(2, algorithm.branching, GAME.turns))
    again = probed_of_turns(algorithm, GAME.agents, GAME.turns)
    told = {agent: own + sum(samples) for agent, samples in again.items()}
    grown, together = drawn(algorithm)
    assert (told, sum(told.values())) == (grown.tokens, grown.inference_calls)
    assert probed_at_once(algorithm, GAME.agents, GAME.turns) == max(together, default=0)


@pytest.mark.parametrize(
    "algorithm", [RLOO(num_generations=2), ReMax(num_generations=2, mode="cross")], ids=str
)
def test_the_joint_actions_told_are_those_of_a_whole_tree(algorithm: Algorithm) -> None:
    played = [turn for turn in drawn(algorithm)[0].trees[0].turns if not turn.probe]
    assert joint_actions(2, algorithm.branching, GAME.turns) == len(played)


def test_every_method_with_probes_says_how_many() -> None:
    for name, kind in algorithms().items():
        probes, counted = (
            getattr(kind, hook) is not getattr(Algorithm, hook) for hook in ("probes", "most_probes")
        )
        assert probes == counted, name


def test_an_agents_own_probes_are_drawn_by_it_alone() -> None:
    assert probed_of_turns(COMA(alternatives=2), ("a", "b"), 2) == {"a": [2, 2], "b": [2, 2]}
    assert probed_of_turns(C3(alternatives=2), ("a", "b"), 2) == {"a": [2, 6], "b": [2, 6]}
    assert probed_of_turns(make_algorithm({"type": "collm_cc"}), ("a",), 2) == {"a": [0, 0]}


def test_nothing_is_drawn_where_saved_trees_are_learned_from() -> None:
    played = ["algorithm.type=madpo", "algorithm.advantage_normalization=false", "critic=null"]
    assert calls_of(load_recipe("demo", played)) > 0
    assert calls_of(load_recipe("demo", [*played, "training.saved=runs/x"])) == 0


def test_memory_has_room_for_the_probes_that_are_drawn_together() -> None:
    without = ["critic=null", "env.num_turns=3"]
    plain = work_of(load_recipe("demo", [*without, "algorithm.type=reinforce"]))
    probing = work_of(load_recipe("demo", [*without, "algorithm.type=c3"]))
    assert probing == replace(plain, rows=8 * plain.rows)
