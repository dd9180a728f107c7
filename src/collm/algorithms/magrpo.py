"""MAGRPO: multi-agent group-relative policy optimization."""

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


class MAGRPO(MonteCarlo):
    """Monte-Carlo returns against the mean of sibling samples; no critic.

    Estimator: paper equation 1 with ``b(h_t)`` the mean return of the ``K`` joint actions sampled at
    ``h_t`` (section 5.2; Liu et al. 2026, "LLM Collaboration with MARL"). A sibling's return averages
    over the subtree below it, so a full tree of ``H`` turns costs Proposition 3.2's number of calls.

    Assumes at least two samples at each history; with one the advantage is always 0, so ``K = 1`` is
    refused. Per-agent rewards, where an environment gives them, take the joint reward's place.

    Attributes:
        scale_by_std: divide by the siblings' standard deviation too, as the reference code does.
    """

    type: Literal["magrpo"] = "magrpo"
    num_generations: int = Field(default=4, ge=2)
    scale_by_std: bool = False

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        returns = returns_of(tree, agent, self.discount)
        return functional.group_relative(returns, siblings_of(tree), self.scale_by_std)
