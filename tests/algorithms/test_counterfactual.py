"""COMA, VDN and C3 on one turn of two agents and its alternatives, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from collm.algorithms.base import Algorithm, Branching, CriticView, Prediction, Probe
from collm.algorithms.c3 import C3
from collm.algorithms.coma import COMA
from collm.algorithms.counterfactual import Counterfactual
from collm.algorithms.temporal_difference import CENTRAL
from collm.algorithms.vdn import VDN
from collm.types import Action, Tree
from tests.trees import Grown, chain, tree, turn

NAN = math.nan


def acted(
    reward: float, a: str, b: str, *children: Grown, instead_of: str = "", learned: bool = True
) -> Grown:
    """A joint turn of named actions, maybe an alternative for one agent."""
    probe = f"instead of {instead_of}" if instead_of else ""
    actions = {"a": Action(a, id=a), "b": Action(b, id=b)}
    return replace(turn(reward, *children), joint_action=actions, probe=probe, learned=learned)


ONE_TURN = tree(
    acted(1.0, "a0", "b0"),
    acted(3.0, "a1", "b0", instead_of="a"),
    acted(5.0, "a2", "b0", instead_of="a"),
    acted(-1.0, "a0", "b1", instead_of="b"),
    acted(0.0, "a0", "b2", instead_of="b"),
)


def q(*after: float) -> Prediction:
    unread = torch.full((len(after),), NAN)
    return Prediction(unread, unread, torch.tensor(after))


def advantages(algorithm: Algorithm, grown: Tree, agent: str, said: dict[str, Prediction]) -> list[float]:
    return algorithm.advantages(grown, agent, algorithm.mixed(said)).tolist()


def equal(found: list[float], expected: list[float]) -> bool:
    return found == pytest.approx(expected, nan_ok=True)


def test_what_they_ask_for() -> None:
    assert COMA().critics(["a", "b"]) == {CENTRAL: CriticView(None, ("after",))}
    assert VDN().critics(["a", "b"]) == {"a": CriticView("a", ("after",)), "b": CriticView("b", ("after",))}
    assert COMA().branching == VDN().branching == C3().branching == Branching(1)
    grown = chain(acted(0.0, "a0", "b0"), acted(1.0, "a1", "b1"))
    assert COMA(alternatives=3).probes(grown) == [
        Probe(number, f"instead of {agent}", agent, samples=3, onward=False)
        for number in (0, 1)
        for agent in ("a", "b")
    ]
    assert C3(alternatives=1).probes(grown) == [
        Probe(number, f"instead of {agent}", agent, samples=1, learned=True)
        for number in (0, 1)
        for agent in ("a", "b")
    ]
    assert C3(alternatives=0).probes(grown) == []


def test_coma_compares_the_value_with_that_of_the_agents_alternatives() -> None:
    said = {CENTRAL: q(4.0, 1.0, 3.0, 6.0, 8.0)}
    assert equal(advantages(COMA(), ONE_TURN, "a", said), [4 - 2, NAN, NAN, NAN, NAN])
    assert equal(advantages(COMA(), ONE_TURN, "b", said), [4 - 7, NAN, NAN, NAN, NAN])


def test_coma_credits_nothing_to_an_agent_that_the_value_does_not_see() -> None:
    said = {CENTRAL: q(4.0, 4.0, 4.0, 6.0, 8.0)}
    assert advantages(COMA(), ONE_TURN, "a", said)[0] == 0.0


def test_vdn_credits_an_agents_own_term() -> None:
    # a's critic reads a0, a1, a2, a0, a0; b's reads b0, b0, b0, b1, b2
    said = {"a": q(4.0, 1.0, 3.0, 4.0, 4.0), "b": q(0.5, 0.5, 0.5, 1.5, -2.5)}
    assert equal(advantages(VDN(), ONE_TURN, "a", said), [4 - 2, NAN, NAN, NAN, NAN])
    assert equal(advantages(VDN(), ONE_TURN, "b", said), [0.5 + 0.5, NAN, NAN, NAN, NAN])


def test_vdn_teaches_the_sum() -> None:
    said = {"a": q(4.0, 1.0, 3.0, 4.0, 4.0), "b": q(0.5, 0.5, 0.5, 1.5, -2.5)}
    mixed = VDN().mixed(said)
    assert mixed["team"].after.tolist() == [4.5, 1.5, 3.5, 5.5, 1.5]
    assert list(VDN().targets(ONE_TURN, mixed)) == ["team"]


@pytest.mark.parametrize(("make", "name"), [(COMA, CENTRAL), (VDN, "team")])
def test_values_of_actions_learn_the_next_turns_value(make: Callable[..., Counterfactual], name: str) -> None:
    following = acted(2.0, "a1", "b1"), acted(9.0, "a2", "b1", instead_of="a", learned=False)
    grown = tree(acted(1.0, "a0", "b0", *following), acted(7.0, "a3", "b0", instead_of="a", learned=False))
    said = {name: q(4.0, 3.0, 100.0, 50.0)}

    def targets(algorithm: Counterfactual) -> list[float]:
        found = algorithm.targets(grown, said)[name].after
        assert found is not None
        return found.tolist()[:2]

    # r + discount * Q' and r; the alternatives' values are no part of it
    assert targets(make()) == [1 + 3, 2.0]
    assert targets(make(discount=0.5)) == [1 + 1.5, 2.0]
    # a trace of one half adds half the next residual, 2 - 3
    assert targets(make(trace_decay=0.5)) == [4 - 0.5, 2.0]
    assert targets(make(trace_decay=1.0)) == targets(make(n_step=2)) == [3.0, 2.0]


def test_c3_compares_returns_of_all_samples_from_one_context() -> None:
    # a: 1, 3, 5 against the mean of the other two; b: 1, -1, 0
    assert equal(advantages(C3(), ONE_TURN, "a", {}), [1 - 4, 3 - 3, 5 - 2, NAN, NAN])
    assert equal(advantages(C3(), ONE_TURN, "b", {}), [1 + 0.5, NAN, NAN, -1 - 0.5, 0.0])


def test_c3_plays_its_alternatives_to_the_end() -> None:
    played = acted(0.0, "a0", "b0", acted(2.0, "a1", "b1"))
    onward = acted(8.0, "a4", "b4", instead_of="a", learned=False)
    other = acted(1.0, "a2", "b0", onward, instead_of="a")
    grown = tree(played, other)
    assert equal(advantages(C3(), grown, "a", {}), [2 - 9, 2.0, 9 - 2, NAN])
    assert equal(advantages(C3(discount=0.5), grown, "a", {}), [1 - 5, 2.0, 5 - 1, NAN])
    assert equal(advantages(C3(), grown, "b", {}), [2.0, 2.0, NAN, NAN]), "without alternatives, the return"


def test_equal_replays_teach_exactly_nothing() -> None:
    turns = [acted(0.1, f"a{k}", "b0", instead_of="a" if k else "") for k in range(4)]
    assert advantages(C3(), tree(*turns), "a", {}) == [0.0] * 4
