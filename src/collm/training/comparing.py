"""How much likelier joint actions have become since training started."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch

from collm.agents.agent import Agent
from collm.algorithms.base import LOG_RATIOS, Algorithm, Prediction
from collm.training.advantages import actions
from collm.types import Tree


def log_ratios(
    algorithm: Algorithm, agents: Mapping[str, Agent], trees: Sequence[Tree], numbers: Iterable[int]
) -> dict[int, Mapping[str, Prediction]]:
    """For each tree, what the algorithm compares, as a value after the actions; nothing without agents.

    A joint action's is the sum over agents of ``log pi - log pi_reference`` of their parts; NaN at turns
    that are not compared.

    Args:
        numbers: of the trees that are wanted.
    """
    chosen = {number: tuple(algorithm.compared(trees[number])) for number in numbers} if agents else {}
    sums = {number: _open(len(trees[number].turns), turns) for number, turns in chosen.items() if turns}
    for name, agent in agents.items():
        acted = list(actions(trees, chosen, name))
        known = agent.learner.log_ratios([action for _, _, action in acted]) if acted else ()
        for ((number, turn), _, _), ratio in zip(acted, known, strict=True):
            sums[number][turn] += ratio
    nothing = {number: torch.full_like(after, math.nan) for number, after in sums.items()}
    return {
        number: {LOG_RATIOS: Prediction(nothing[number], nothing[number], after)}
        for number, after in sums.items()
    }


def _open(size: int, turns: Sequence[int]) -> torch.Tensor:
    sums = torch.full((size,), math.nan)
    sums[list(turns)] = 0.0
    return sums
