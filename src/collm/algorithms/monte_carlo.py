"""Monte-Carlo policy gradients on trees of joint samples: what the methods without a critic share."""

from __future__ import annotations

from pydantic import Field

from collm.algorithms.base import Algorithm, Branching, JointMode


class MonteCarlo(Algorithm):
    """Actions are worth the returns that followed them, against a baseline that subclasses choose.

    Attributes:
        num_generations: ``K``, joint samples at each history.
        mode: ``align`` joins the agents' k-th samples; ``cross`` plays all ``K^n`` combinations.
    """

    num_generations: int = Field(default=4, ge=1)
    mode: JointMode = "align"

    @property
    def branching(self) -> Branching:
        return Branching(self.num_generations, self.mode)
