"""REINFORCE++ for a team: returns normalized over the whole batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import Prediction, returns_of, siblings_of
from collm.algorithms.monte_carlo import MonteCarlo
from collm.functional.kinds import DivergenceKind, RatioKind
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class ReinforcePP(MonteCarlo):
    """Returns, standardized over all of an agent's actions in the minibatch, with PPO's clip by token.

    Source: Hu et al. 2025, "REINFORCE++". The bias of the batch's own mean and deviation vanishes as the
    batch grows, so leave ``minibatch_size`` out. The reference divergence is charged token by token, in
    units of the returns' deviation, since it joins after the normalization.

    Attributes:
        group_baseline: take the siblings' mean away first; the paper then lowers ``k2`` in the loss.
    """

    type: Literal["reinforce_pp"] = "reinforce_pp"
    num_generations: int = Field(default=1, ge=1)
    group_baseline: bool = False
    advantage_normalization: bool = True
    ratio: RatioKind = "token"
    ratio_clip: float | None = Field(default=0.2, gt=0, lt=1)
    reference_kl_as: DivergenceKind = "reward"

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        returns = returns_of(tree, agent, self.discount)
        return functional.group_relative(returns, siblings_of(tree)) if self.group_baseline else returns
