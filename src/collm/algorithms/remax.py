"""ReMax for a team: returns against that of the greedy team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm.algorithms.base import Prediction, Probe, returns_of, siblings_of
from collm.algorithms.monte_carlo import MonteCarlo
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

_GREEDY = "greedy"


class ReMax(MonteCarlo):
    """Each return less what the team gets from the same history if all take their most likely tokens.

    Source: Li et al. 2024, "ReMax". Unbiased: the greedy continuation knows no sampled action. It costs one
    more episode from every history, is looked at and not learned from.
    """

    type: Literal["remax"] = "remax"
    num_generations: int = Field(default=1, ge=1)

    def probes(self, tree: Tree) -> Sequence[Probe]:
        return [Probe(family[0], _GREEDY, greedy=True) for family in tree.families.values()]

    def most_probes(self, agents: Sequence[str], siblings: int) -> Sequence[Probe]:
        return [Probe(0, _GREEDY, greedy=True)]

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        returns, histories = returns_of(tree, agent, self.discount), siblings_of(tree)
        baselines = {
            history: returns[number] for number, history in enumerate(histories) if _is_baseline(tree, number)
        }
        advantages = returns.clone()
        for number, history in enumerate(histories):
            if not tree.turns[number].probe:
                advantages[number] -= baselines[history]
        return advantages


def _is_baseline(tree: Tree, number: int) -> bool:
    """Whether a turn opens a greedy continuation of a history of the tree."""
    parent = tree.parents[number]
    return tree.turns[number].probe == _GREEDY and (parent is None or not tree.turns[parent].probe)
