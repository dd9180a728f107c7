"""Histories of a tree while it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collm.algorithms.base import Branching
from collm.types import Action, History, Turn


@dataclass(slots=True)
class Node:
    """A history that can branch, with the joint turns that grew from it so far.

    Attributes:
        tree: the number of its tree.
        path: the branches that lead to it.
        first: the number of the first branch that grows here; a probe's follow those that there are.
        fixed: actions that are given instead of drawn, by agent.
        count: how many samples, if not as many as the algorithm says.
        onward: whether its turns are followed by others.
        learned, probe: of the turns that grow here, as :class:`collm.types.Turn` has them.
    """

    tree: int
    path: tuple[int, ...]
    state: Any
    histories: Mapping[str, History]
    last_reward: float | None = None
    first: int = 0
    fixed: Mapping[str, Action] = field(default_factory=dict)
    count: int | None = None
    onward: bool = True
    learned: bool = True
    probe: str = ""
    grown: list[Grown] = field(default_factory=list)

    def samples(self, branching: Branching) -> int:
        """How many actions each agent draws here."""
        return branching.num_samples if self.count is None else self.count


@dataclass(slots=True)
class Grown:
    """A joint turn while its subtree is still growing."""

    turn: Turn
    node: Node | None


def turns_below(root: Node, parent: int | None, number: int) -> tuple[list[Turn], list[int | None]]:
    """Everything that grew from a node, depth first, with the number of each turn's parent.

    Args:
        parent: of the turns that grew from the node itself.
        number: of the first turn; the others count on.
    """
    turns: list[Turn] = []
    parents: list[int | None] = []
    waiting: list[tuple[int | None, Grown]] = [(parent, grown) for grown in reversed(root.grown)]
    while waiting:
        above, grown = waiting.pop()
        if grown.node is not None:
            here = number + len(turns)
            waiting.extend((here, child) for child in reversed(grown.node.grown))
        turns.append(grown.turn)
        parents.append(above)
    return turns, parents
