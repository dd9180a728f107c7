"""VDAC: an actor-critic whose team value is a monotonic mixture of values of the agents' own histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import CriticView, Prediction, Target, rewards_of
from collm.algorithms.monotonic import MIXER, Monotonic
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class VDAC(Monotonic):
    """Each agent's critic values its own history; every agent learns from the mixture's residual.

    Source: Su et al. 2021, "Value-Decomposition Multi-Agent Actor-Critics", but for their shared trunk.
    The advantage is the same for all. Biased as far as the mixture is wrong and ``trace_decay`` below 1.
    """

    type: Literal["vdac"] = "vdac"
    trace_decay: float = Field(default=0.8, ge=0, le=1)

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {agent: CriticView(agent) for agent in agents}

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        one = next(said for name, said in predictions.items() if name != MIXER)
        before = self.mixture(predictions, "before")
        following = self.mixture(predictions, "following")
        return {self.value: replace(one, before=before, following=following)}

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        said = predictions[self.value]
        return {self.value: Target(before=self._advantages(tree, said) + said.before)}

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        return self._advantages(tree, predictions[self.value])

    def _advantages(self, tree: Tree, said: Prediction) -> Tensor:
        rewards = rewards_of(tree, None)
        residuals = functional.td_residuals(rewards, said.before, said.following, self.discount)
        return self.looking_ahead(tree, residuals)
