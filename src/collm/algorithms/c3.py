"""C3: credit by counterfactual replays from a frozen context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm.algorithms.base import Algorithm, Prediction, Probe, returns_of
from collm.algorithms.counterfactual import alternatives_of, label
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class C3(Algorithm):
    """At each turn an agent draws anew while all else stays; its samples' returns are compared.

    Estimator: the return of each sample less the mean of the other samples' (leave-one-out), all played
    to the end by the team as it is (2603.06859, its critic-free variant, for agents that act at once).
    Unbiased. One episode of ``H`` turns costs ``n * alternatives`` more from every turn. Without alternatives
    it is REINFORCE.

    Attributes:
        alternatives: fresh actions for each agent and turn, which are learned from too.
    """

    type: Literal["c3"] = "c3"
    alternatives: int = Field(default=2, ge=0)

    def probes(self, tree: Tree) -> Sequence[Probe]:
        return [
            Probe(number, label(agent), agent, samples=self.alternatives, learned=True)
            for number, turn in enumerate(tree.turns)
            for agent in turn.joint_action
            if self.alternatives > 0
        ]

    def most_probes(self, agents: Sequence[str], siblings: int) -> Sequence[Probe]:
        samples = siblings * self.alternatives
        return [Probe(0, label(agent), agent, samples, learned=True) for agent in agents if samples > 0]

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        returns = returns_of(tree, agent, self.discount)
        advantages = returns.new_full((len(returns),), float("nan"))
        for number, others in alternatives_of(tree, agent):
            samples = [number, *others]
            total = returns[samples].double().sum()
            for one in samples:
                rest = (total - returns[one]) / max(len(others), 1)
                advantages[one] = returns[one] - rest
        return advantages
