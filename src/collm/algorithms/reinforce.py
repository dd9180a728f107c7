"""REINFORCE for a team: returns without a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm.algorithms.base import Prediction, returns_of
from collm.algorithms.monte_carlo import MonteCarlo
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class Reinforce(MonteCarlo):
    """The return from each turn is its advantage: paper equation 1 with ``b = 0`` (MA-REINFORCE).

    Unbiased at any ``K``, one included; its variance grows with the mean of the returns, which a
    baseline would take away.
    """

    type: Literal["reinforce"] = "reinforce"
    num_generations: int = Field(default=1, ge=1)

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        return returns_of(tree, agent, self.discount)
