"""RLOO for a team: returns against those of the other samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import Prediction, returns_of, siblings_of
from collm.algorithms.monte_carlo import MonteCarlo
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class RLOO(MonteCarlo):
    """Each return less the mean of the siblings' in which the agent drew another action.

    Estimator: REINFORCE with the leave-one-out baseline (Ahmadian et al. 2024), paper equation 1. Unbiased:
    no action is in its own baseline. With ``align`` it is MAGRPO's advantage times ``K / (K - 1)``.
    """

    type: Literal["rloo"] = "rloo"
    num_generations: int = Field(default=4, ge=2)

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        returns = returns_of(tree, agent, self.discount)
        own = [turn.joint_action[agent].id if agent in turn.joint_action else "" for turn in tree.turns]
        return functional.leave_one_out(returns, siblings_of(tree), own)
