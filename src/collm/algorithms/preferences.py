"""Preferences between joint actions of one history, as their returns tell them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from collm.algorithms.base import returns_of
from collm.types import Tree


class Pair(NamedTuple):
    """The numbers of two sibling turns of a tree."""

    chosen: int
    rejected: int


def joint_pairs(tree: Tree, discount: float, least_gap: float) -> Iterator[Pair]:
    """The best and the worst of the samples of each history, if their returns differ by more than that.

    A sample's return averages over the subtree below it; ties make no pair.

    Args:
        least_gap: at least 0.
    """
    returns = returns_of(tree, None, discount).tolist()
    for family in tree.families.values():
        sampled = [number for number in family if tree.turns[number].learned]
        if sampled:
            best, worst = max(sampled, key=returns.__getitem__), min(sampled, key=returns.__getitem__)
            if returns[best] - returns[worst] > least_gap:
                yield Pair(best, worst)
