"""Means over trees: what training and evaluation report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    trees = [tree.played for tree in trees]
    turns = [turn for tree in trees for turn in tree.turns]
    last = [tree.turns[episode[-1]] for tree in trees for episode in tree.episodes()]
    returns = [_expected(tree, lambda turn: turn.reward) for tree in trees]
    found = {
        "return_mean": fmean(returns),
        "return_std": pstdev(returns),
        "reward_mean": fmean(turn.reward for turn in turns),
        "raw_reward_mean": fmean(turn.raw_reward for turn in turns),
        "turns_mean": fmean(_expected(tree, lambda turn: 1.0) for tree in trees),
    }
    for name in dict.fromkeys(name for turn in turns for name in turn.components):
        found[COMPONENT + name] = fmean(turn.components.get(name, 0.0) for turn in turns)
    for name in dict.fromkeys(name for turn in turns for name in turn.metrics):
        for prefix, chosen in (("", turns), ("final_", last)):
            values = [turn.metrics[name] for turn in chosen if name in turn.metrics]
            if values:
                found[prefix + name] = fmean(values)
    return found


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
