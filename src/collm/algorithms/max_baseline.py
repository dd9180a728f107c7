"""Returns against the best sibling's, as the papers' reference library has it."""

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


class MaxBaseline(MonteCarlo):
    """Each return less the largest of its siblings' and its own; never positive.

    What the reference library calls ReMax; :mod:`collm.algorithms.remax` is the method of that name.
    Biased: the baseline knows the action. Two aligned samples expect half the gradient, as MAGRPO does.
    """

    type: Literal["max_baseline"] = "max_baseline"
    num_generations: int = Field(default=4, ge=2)

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        return functional.less_largest(returns_of(tree, agent, self.discount), siblings_of(tree))
