"""Cuts a buffer of trees into the minibatches that optimizer steps are taken on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collm.base.seeding import derive
from collm.types import Tree

Minibatch = Mapping[int, tuple[int, ...]]
"""For the number of each tree in the buffer, the numbers of its turns."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where in the run an update is.

    Attributes:
        seed: the run's.
        update: from 0.
        planned_updates: in all.
        staleness: updates between the weights that drew what is learned from and those that it begins with.
    """

    seed: int
    update: int
    planned_updates: int
    staleness: int = 0


def minibatches(
    trees: Sequence[Tree], size: int | None, epochs: int, progress: Progress
) -> Iterator[Minibatch]:
    """All joint turns that are learned from, ``epochs`` times, in equal minibatches of about ``size``.

    Trees are drawn in random order and their turns stay together, since one pass serves them all.
    Equal, because the few turns of a remainder would weigh as much as a whole minibatch.
    """
    places = [[(number, turn) for turn in _siblings_together(tree)] for number, tree in enumerate(trees)]
    total = sum(map(len, places))
    steps = max(1, round(total / (size or total)))
    for epoch in range(epochs):
        random.Random(derive(progress.seed, "minibatches", progress.update, epoch)).shuffle(places)
        order = [place for of_tree in places for place in of_tree]
        for step in range(steps):
            yield _grouped(sorted(order[total * step // steps : total * (step + 1) // steps]))


def _siblings_together(tree: Tree) -> list[int]:
    """A tree's turns, siblings side by side, so that K of them can share a step."""
    families = sorted(tree.families.items(), key=lambda family: -1 if family[0] is None else family[0])
    return [turn for _, family in families for turn in family if tree.turns[turn].learned]


def _grouped(places: Sequence[tuple[int, int]]) -> Minibatch:
    grouped: dict[int, tuple[int, ...]] = {}
    for tree, turn in places:
        grouped[tree] = (*grouped.get(tree, ()), turn)
    return grouped
