"""Means over trees: what training and evaluation report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from statistics import fmean, pstdev

from collm.types import Tree, Turn

COMPONENT = "component/"
"""Before the names of the raw reward's terms."""


def measures(trees: Sequence[Tree]) -> dict[str, float]:
    """Mean return, reward, every component of the reward and every metric of the environment.

    ``return_mean`` averages the undiscounted sum of processed rewards over trees, and within a tree over
    siblings. A metric's plain name is its mean over all turns, ``final_`` its mean over last turns;
    ``component/NAME`` is a term of the raw reward, 0 where a turn does not name it.
    """
    return means(samples(trees))


def means(values: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, float]:
    """The mean of all values of a name, and beside ``return_mean`` their standard deviation."""
    averages: dict[str, float] = {}
    for name, groups in values.items():
        averages[name] = fmean(chain.from_iterable(groups))
        if name == "return_mean":
            averages["return_std"] = pstdev(chain.from_iterable(groups))
    return averages


def samples(trees: Sequence[Tree]) -> dict[str, list[list[float]]]:
    """The values behind every mean of :func:`measures`, for each tree a list, which may be empty."""
    trees = [tree.played for tree in trees]
    turns = [list(tree.turns) for tree in trees]
    last = [[tree.turns[episode[-1]] for episode in tree.episodes()] for tree in trees]
    groups = {
        "return_mean": [[_expected(tree, lambda turn: turn.reward)] for tree in trees],
        "reward_mean": [[turn.reward for turn in own] for own in turns],
        "raw_reward_mean": [[turn.raw_reward for turn in own] for own in turns],
        "turns_mean": [[_expected(tree, lambda turn: 1.0)] for tree in trees],
    }
    every = list(chain.from_iterable(turns))
    for name in dict.fromkeys(name for turn in every for name in turn.components):
        groups[COMPONENT + name] = [[turn.components.get(name, 0.0) for turn in own] for own in turns]
    for name in dict.fromkeys(name for turn in every for name in turn.metrics):
        for prefix, chosen in (("", turns), ("final_", last)):
            values = [[turn.metrics[name] for turn in own if name in turn.metrics] for own in chosen]
            if any(values):
                groups[prefix + name] = values
    return groups


def mean_tokens(trees: Sequence[Tree]) -> float:
    """Tokens for each agent and turn (the "cost" of the paper's table 1)."""
    lengths = [
        len(action.token_ids)
        for tree in trees
        for turn in tree.turns
        for action in turn.joint_action.values()
    ]
    return fmean(lengths) if lengths else 0.0


def _expected(tree: Tree, measure: Callable[[Turn], float]) -> float:
    """The sum of a measure along a path whose branches are taken at random."""
    families = tree.families
    sums: dict[int, float] = {}
    for number in reversed(range(len(tree.turns))):
        children = [sums[child] for child in families.get(number, ())]
        sums[number] = measure(tree.turns[number]) + (fmean(children) if children else 0.0)
    return fmean(sums[number] for number in families[None]) if tree.turns else 0.0
