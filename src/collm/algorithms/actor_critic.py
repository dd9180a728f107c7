"""Temporal-difference actor-critic over turns: what CoLLM-CC and CoLLM-DC share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from collm import functional
from collm.algorithms.base import Algorithm, CriticView, Prediction, Target, rewards_of
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

CENTRAL = "central"
"""The name of the one critic of a centralized method."""


class ActorCritic(Algorithm):
    """Critics predict the return at each history; actions are worth what they add to it.

    Subclasses say whether one critic reads the joint history or each agent's critic its own.

    Attributes:
        trace_decay: 0 is the paper's one-step residual; above it, generalized advantage estimation.
        critic_warmup: first updates in which only the critics learn, since an agent that trusts an
            untrained critic loses skill; the paper has none.
    """

    centralized: ClassVar[bool]

    trace_decay: float = Field(default=0.0, ge=0, le=1)
    critic_warmup: int = Field(default=0, ge=0)

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        if self.centralized:
            return {CENTRAL: CriticView()}
        return {agent: CriticView(agent) for agent in agents}

    def agents_learn(self, update: int) -> bool:
        return update >= self.critic_warmup

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
        return functional.lambda_advantages(residuals, tree.parents, self.discount, self.trace_decay)
