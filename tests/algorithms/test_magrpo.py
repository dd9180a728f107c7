from __future__ import annotations

import pytest

from collm.algorithms.base import Branching
from collm.algorithms.magrpo import MAGRPO
from collm.types import Tree
from tests.trees import tree, turn


def advantages(algorithm: MAGRPO, grown: Tree, agent: str = "a") -> list[float]:
    assert algorithm.targets(grown, {}) == {}
    return algorithm.advantages(grown, agent, {}).tolist()


def test_the_rollout_it_needs() -> None:
    algorithm = MAGRPO(num_generations=3, mode="cross")
    assert algorithm.branching == Branching(3, "cross")
    assert algorithm.critics(["a", "b"]) == {}


def test_one_turn_compares_rewards_with_their_mean() -> None:
    assert advantages(MAGRPO(), tree(turn(1), turn(2), turn(6), turn(3))) == [-2.0, -1.0, 3.0, 0.0]


def test_a_full_tree_compares_siblings_at_every_turn() -> None:
    # returns: 1 + (2 + 6) / 2 = 5 and 3 + (0 + 4) / 2 = 5, so the roots are equal and the leaves are not
    grown = tree(turn(1, turn(2), turn(6)), turn(3, turn(0), turn(4)))
    assert advantages(MAGRPO(), grown) == [0.0, -2.0, 2.0, 0.0, -2.0, 2.0]


def test_later_turns_are_discounted() -> None:
    # returns of the roots: 1 + 0.5 * 4 = 3 and 3 + 0.5 * 2 = 4
    grown = tree(turn(1, turn(2), turn(6)), turn(3, turn(0), turn(4)))
    assert advantages(MAGRPO(discount=0.5), grown) == [-0.5, -2.0, 2.0, 0.5, -2.0, 2.0]


def test_three_turns_average_over_the_subtree_below() -> None:
    left = turn(0, turn(0, turn(1), turn(3)), turn(2, turn(0), turn(4)))
    right = turn(1, turn(0, turn(0), turn(0)), turn(0, turn(0), turn(2)))
    # below left: 0 + 2 and 2 + 2, so left returns 3; below right: 0 and 1, so right returns 1.5
    assert advantages(MAGRPO(), tree(left, right)) == [
        *(0.75, -1.0, -1.0, 1.0, 1.0, -2.0, 2.0),
        *(-0.75, -0.5, 0.0, 0.0, 0.5, -1.0, 1.0),
    ]


def test_a_branch_that_ended_early_returns_what_it_has() -> None:
    grown = tree(turn(4), turn(1, turn(2), turn(0)))
    assert advantages(MAGRPO(), grown) == [1.0, -1.0, 1.0, -1.0]


def test_scaling_by_the_deviation_is_asked_for() -> None:
    grown = tree(turn(0), turn(0), turn(4), turn(4))
    assert advantages(MAGRPO(), grown) == [-2.0, -2.0, 2.0, 2.0]
    assert advantages(MAGRPO(scale_by_std=True), grown) == pytest.approx([-1, -1, 1, 1], abs=1e-5)


@pytest.mark.parametrize("scale_by_std", [False, True])
def test_equal_returns_teach_nothing(scale_by_std: bool) -> None:
    grown = tree(*(turn(0.1, turn(170.7), turn(170.7), turn(170.7)) for _ in range(3)))
    assert advantages(MAGRPO(scale_by_std=scale_by_std), grown) == [0.0] * 12


def test_agents_learn_from_their_own_rewards_where_there_are_any() -> None:
    grown = tree(turn(9, rewards={"a": 1.0, "b": 5.0}), turn(0, rewards={"a": 3.0, "b": 5.0}))
    assert advantages(MAGRPO(), grown, "a") == [-1.0, 1.0]
    assert advantages(MAGRPO(), grown, "b") == [0.0, 0.0]
