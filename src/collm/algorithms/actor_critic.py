"""Actor-critic with values of histories: what CoLLM-CC, CoLLM-DC, MAPPO and IPPO share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from collm import functional
from collm.algorithms.base import CriticView, Prediction, Target, rewards_of
from collm.algorithms.temporal_difference import CENTRAL, TemporalDifference
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class ActorCritic(TemporalDifference):
    """Critics predict the return at each history; actions are worth what they add to it.

    Subclasses say whether one critic reads the joint history or each agent's critic its own.
    """

    centralized: ClassVar[bool]

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        if self.centralized:
            return {CENTRAL: CriticView()}
        return {agent: CriticView(agent) for agent in agents}

    @property
    def sees_next_alone(self) -> bool:
        return self.n_step is None and self.trace_decay == 0

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        return {
            name: Target(before=self._residuals(tree, name, predicted) + predicted.before)
            for name, predicted in predictions.items()
        }

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        name = CENTRAL if self.centralized else agent
        return self._residuals(tree, name, predictions[name])

    def _residuals(self, tree: Tree, critic: str, predicted: Prediction) -> Tensor:
        rewards = rewards_of(tree, None if self.centralized else critic)
        residuals = functional.td_residuals(rewards, predicted.before, predicted.following, self.discount)
        return self.looking_ahead(tree, residuals)
