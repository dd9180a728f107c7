"""From advantages of turns to those of actions, as a minibatch learns from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from collm.algorithms.base import Algorithm
from collm.functional.advantages import clipped, standardized
from collm.runs.records import Place
from collm.training.minibatches import Minibatch
from collm.types import Action, Tree


@dataclass(frozen=True, slots=True)
class ActionAdvantages:
    """One agent's advantages in a minibatch.

    Attributes:
        by_action: normalized and clipped.
        measures: how many of them the clip has cut, if there is one.
    """

    by_action: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)


def advantages_of_actions(
    algorithm: Algorithm,
    agent: str,
    trees: Sequence[Tree],
    minibatch: Minibatch,
    advantages: Mapping[int, Tensor],
) -> ActionAdvantages:
    """One agent's advantages by action; an action of several joint ones gets their mean.

    Args:
        advantages: by tree, ``"turn"``; NaN where the agent does not learn.
    """
    shared: dict[str, list[Tensor]] = {}
    for (number, turn), key, _ in actions(trees, minibatch, agent):
        if not advantages[number][turn].isnan():
            shared.setdefault(key, []).append(advantages[number][turn])
    if not shared:
        return ActionAdvantages()
    means = torch.stack([torch.stack(several).mean() for several in shared.values()])
    if algorithm.advantage_normalization:
        means = standardized(means)
    limit = algorithm.advantage_clip
    measures = {} if limit is None else {"advantages_clipped": float((means.abs() > limit).float().mean())}
    return ActionAdvantages(dict(zip(shared, clipped(means, limit).tolist(), strict=True)), measures)


def actions(trees: Sequence[Tree], minibatch: Minibatch, agent: str) -> Iterator[tuple[Place, str, Action]]:
    """One agent's actions in the chosen turns, with their places and names in the buffer."""
    for number, turns in minibatch.items():
        for turn in turns:
            action = trees[number].turns[turn].joint_action.get(agent)
            if action is not None and action.token_ids:
                yield (number, turn), f"{number}:{action.id}", action
