from __future__ import annotations

from dataclasses import replace

from collm.training.minibatches import Minibatch, Progress, minibatches
from collm.types import Tree
from tests.trees import tree, turn

PROGRESS = Progress(seed=0, update=0, planned_updates=1)
BRANCHING = tree(turn(0, turn(1), turn(2)), turn(3, turn(4), turn(5)))


def without(grown: Tree, *numbers: int) -> Tree:
    """The tree with some turns that are only looked at."""
    turns = [replace(one, learned=k not in numbers) for k, one in enumerate(grown.turns)]
    return replace(grown, turns=tuple(turns))


def cut(trees: list[Tree], size: int | None, epochs: int = 1) -> list[Minibatch]:
    return list(minibatches(trees, size, epochs, PROGRESS))


def test_without_a_size_one_minibatch_holds_all() -> None:
    assert cut([BRANCHING, tree(turn(0))], None) == [{0: (0, 1, 2, 3, 4, 5), 1: (0,)}]


def test_siblings_are_side_by_side() -> None:
    assert cut([BRANCHING], 2) == [{0: (0, 3)}, {0: (1, 2)}, {0: (4, 5)}]


def test_a_turn_that_is_only_looked_at_is_left_out() -> None:
    assert cut([without(BRANCHING, 1, 3)], None) == [{0: (0, 2, 4, 5)}]
    assert cut([without(BRANCHING, 1, 3)], 2) == [{0: (0, 2)}, {0: (4, 5)}]


def test_a_tree_that_is_only_looked_at_is_left_out() -> None:
    looked_at = without(BRANCHING, *range(6))
    assert cut([looked_at, tree(turn(0))], None) == [{1: (0,)}]


def test_every_epoch_covers_every_turn_once() -> None:
    trees = [BRANCHING] * 5
    found = cut(trees, 4, epochs=3)
    assert [sum(map(len, one.values())) for one in found] == [3, 4, 4, 4, 3, 4, 4, 4] * 3
    for epoch in range(3):
        own = found[epoch * len(found) // 3 : (epoch + 1) * len(found) // 3]
        places = sorted((number, turn) for one in own for number, turns in one.items() for turn in turns)
        assert places == [(number, turn) for number in range(5) for turn in range(6)]
