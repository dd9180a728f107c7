"""The laws on games that are worked out by hand, and the library's trees against them."""

from __future__ import annotations

import pytest

from benchmarks.propositions.games import Tossing, estimate, every, first, grown, parity
from benchmarks.propositions.laws import (
    Bits,
    Pay,
    depth_variances,
    exact_variance,
    proposed_calls,
    proposed_variance,
)
from collm.algorithms.reinforce import Reinforce


def last(bits: Bits) -> float:
    return float(bits[1]) if len(bits) == 2 else 0.0


def both(bits: Bits) -> float:
    return float(bits[0] * bits[1]) if len(bits) == 2 else 0.0


@pytest.mark.parametrize(
    ("pay", "added", "exact", "proposed"),
    [
        (last, [1 / 16, 1 / 16], 3 / 64, 1 / 32),
        (lambda bits: last(bits) - (len(bits) == 2) / 2, [0, 1 / 16], 1 / 64, 1 / 64),
        (first, [1 / 16, 0], 1 / 32, 1 / 64),
        (both, [1 / 64, 1 / 32], 1 / 64, 3 / 256),
    ],
    ids=["the last bit", "the last bit, with a baseline", "the first bit", "both bits"],
)
def test_two_turns_of_two_samples(pay: Pay, added: list[float], exact: float, proposed: float) -> None:
    found = depth_variances(pay, 2)
    assert found == pytest.approx(added)
    assert exact_variance(found, 2) == pytest.approx(exact)
    assert proposed_variance(sum(found), 2, 2) == pytest.approx(proposed)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_proposition_is_the_lower_end_of_the_exact_law(count: int, turns: int) -> None:
    for pay in (first, every, parity(turns)):
        added = depth_variances(pay, turns)
        lowest = proposed_variance(sum(added), count, turns)
        assert lowest - 1e-12 <= exact_variance(added, count) <= sum(added) / count + 1e-12
    added = depth_variances(parity(turns), turns)
    assert exact_variance(added, count) == pytest.approx(proposed_variance(sum(added), count, turns))


@pytest.mark.parametrize(("agents", "count", "turns", "calls"), [(2, 4, 2, 40), (2, 2, 4, 60), (2, 1, 3, 6)])
def test_a_trees_calls_are_counted_by_hand(agents: int, count: int, turns: int, calls: int) -> None:
    assert proposed_calls(agents, count, turns) == calls


@pytest.mark.parametrize("crossed", [False, True])
def test_rollouts_cost_what_the_proposition_says(crossed: bool) -> None:
    env = Tossing(pay=every, num_turns=2, size=2)
    algorithm = Reinforce(num_generations=3, mode="cross" if crossed else "align")
    calls = grown(env, algorithm, 1, seed=0).inference_calls
    assert calls == proposed_calls(2, 3, 2, crossed) == (60 if crossed else 24)


def test_a_trees_estimate_is_the_mean_over_its_branches() -> None:
    env, algorithm = Tossing(pay=every, num_turns=2), Reinforce(num_generations=2)
    (tree,) = grown(env, algorithm, 1, seed=4).trees
    bits = [int(turn.joint_action["a"].text) for turn in tree.turns]  # depth first
    by_hand = [(bits[one] - 0.5) * (bits[one] + (bits[one + 1] + bits[one + 2]) / 2) for one in (0, 3)]
    assert estimate(algorithm, tree) == pytest.approx(sum(by_hand) / 2)


def test_luck_is_shared_by_all_branches() -> None:
    env = Tossing(pay=every, num_turns=2, luck=10.0)
    for tree in grown(env, Reinforce(num_generations=2), 6, seed=0).trees:
        assert len({turn.reward > 5 for turn in tree.turns if turn.terminated}) == 1
