"""What must hold for any tree: scales, shifts, names of agents, and methods that become each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.algorithms.actor_critic import ActorCritic
from collm.algorithms.base import Algorithm, Prediction, make_algorithm
from collm.algorithms.c3 import C3
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.ippo import IPPO
from collm.algorithms.mappo import MAPPO
from collm.algorithms.reinforce import Reinforce
from collm.algorithms.temporal_difference import CENTRAL
from collm.types import Tree
from tests.algorithms.predictions import values
from tests.trees import Grown, tree, turn

rewards = st.integers(-8, 8).map(lambda eighths: eighths / 8)
families = st.lists(st.tuples(rewards, st.lists(rewards, min_size=2, max_size=3)), min_size=2, max_size=3)
"""Rewards of siblings, each with those of the turns below it; sums of eighths are exact."""

MONTE_CARLO = ["reinforce", "rloo", "magrpo", "max_baseline"]
LINEAR = [*MONTE_CARLO, "c3"]

Family = list[tuple[float, list[float]]]


def grown(family: Family, scale: float = 1.0, shift: float = 0.0) -> Tree:
    return tree(
        *(turn(scale * r + shift, *(turn(scale * one + shift) for one in below)) for r, below in family)
    )


def advantages(algorithm: Algorithm, one: Tree, agent: str = "a") -> list[float]:
    return algorithm.advantages(one, agent, {}).tolist()


@pytest.mark.parametrize("name", LINEAR)
@given(families)
def test_advantages_scale_with_rewards(name: str, family: Family) -> None:
    algorithm = make_algorithm({"type": name})
    scaled = [4 * one for one in advantages(algorithm, grown(family))]
    assert advantages(algorithm, grown(family, scale=4)) == pytest.approx(scaled, abs=1e-5)


@pytest.mark.parametrize("name", MONTE_CARLO)
@given(families)
def test_a_shift_of_all_rewards_matters_only_without_a_baseline(name: str, family: Family) -> None:
    algorithm = make_algorithm({"type": name})
    plain, shifted = (advantages(algorithm, grown(family, shift=shift)) for shift in (0.0, 2.0))
    equal = plain == pytest.approx(shifted, abs=1e-5)
    assert equal == (name != "reinforce")


@given(families)
def test_by_deviation_the_scale_of_rewards_does_not_matter(family: Family) -> None:
    algorithm = make_algorithm({"type": "magrpo", "scale_by_std": True})
    plain, scaled = advantages(algorithm, grown(family)), advantages(algorithm, grown(family, scale=16))
    assert plain == pytest.approx(scaled, abs=1e-3)


def renamed(one: Tree) -> Tree:
    """The same play with the agents' names exchanged."""
    names = {"a": "b", "b": "a"}
    turns = [
        replace(it, joint_action={names[name]: action for name, action in it.joint_action.items()})
        for it in one.turns
    ]
    return replace(one, turns=tuple(turns))


@pytest.mark.parametrize("name", [*LINEAR, "reinforce_pp"])
@given(families)
def test_names_of_agents_do_not_matter(name: str, family: Family) -> None:
    algorithm, one = make_algorithm({"type": name}), grown(family)
    assert algorithm.advantages(one, "a", {}).equal(algorithm.advantages(renamed(one), "b", {}))


@given(families)
def test_replays_without_alternatives_are_reinforce(family: Family) -> None:
    one = grown(family)
    assert advantages(C3(alternatives=0), one) == advantages(Reinforce(), one)


episodes = st.lists(st.tuples(rewards, rewards), min_size=1, max_size=5)
"""Rewards and values, by turn."""


@pytest.mark.parametrize(("central", "own"), [(CoLLMCC, CoLLMDC), (MAPPO, IPPO)])
@given(episodes, st.sampled_from([0.0, 0.5, 1.0]))
def test_with_one_agent_a_central_critic_is_its_own(
    central: Callable[..., ActorCritic],
    own: Callable[..., ActorCritic],
    episode: list[tuple[float, float]],
    decay: float,
) -> None:
    one, said = chained(episode), valued(episode)
    alone = own(trace_decay=decay).advantages(one, "a", {"a": said})
    assert torch.equal(central(trace_decay=decay).advantages(one, "a", {CENTRAL: said}), alone)


@given(episodes)
def test_a_full_trace_is_the_return_less_the_value(episode: list[tuple[float, float]]) -> None:
    one, said = chained(episode), valued(episode)
    found = CoLLMCC(trace_decay=1).advantages(one, "a", {CENTRAL: said})
    assert torch.allclose(found, Reinforce().advantages(one, "a", {}) - said.before, atol=1e-5)


def chained(episode: list[tuple[float, float]]) -> Tree:
    below: tuple[Grown, ...] = ()
    for reward, _ in reversed(episode):
        below = (turn(reward, *below, agents=("a",)),)
    return tree(*below)


def valued(episode: list[tuple[float, float]]) -> Prediction:
    before = [value for _, value in episode]
    return values(before, [*before[1:], 0.0])
