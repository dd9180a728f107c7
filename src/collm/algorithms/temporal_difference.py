"""Temporal-difference learning over turns: what the methods with critics share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from collm import functional
from collm.algorithms.base import Algorithm, played_parents
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

CENTRAL = "central"
"""The name of the one critic of a centralized method."""


class TemporalDifference(Algorithm):
    """Critics predict, and learn from what they said a turn or more later.

    Attributes:
        trace_decay: 0 is the paper's one-step residual; above it, generalized advantage estimation.
        n_step: this many rewards before the next value, instead of a decaying trace.
        critic_warmup: first updates in which only the critics learn, since an agent that trusts an
            untrained critic loses skill; the paper has none.
        critic_epochs: passes over the buffer by critics alone, after the agents' steps; each minibatch's
            targets are made anew.
    """

    trace_decay: float = Field(default=0.0, ge=0, le=1)
    n_step: int | None = Field(default=None, ge=1)
    critic_warmup: int = Field(default=0, ge=0)
    critic_epochs: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_way_to_look_ahead(self) -> Self:
        if self.n_step is not None and self.trace_decay > 0:
            raise ValueError("n_step and trace_decay exclude each other: set trace_decay to 0")
        return self

    def agents_learn(self, update: int) -> bool:
        return update >= self.critic_warmup

    def critic_passes(self) -> int:
        return self.critic_epochs

    def looking_ahead(self, tree: Tree, residuals: Tensor) -> Tensor:
        """One-step residuals ``"turn"`` as advantages that see as far ahead as was asked for."""
        parents = played_parents(tree)
        if self.n_step is not None:
            return functional.n_step_advantages(residuals, parents, self.discount, self.n_step)
        return functional.lambda_advantages(residuals, parents, self.discount, self.trace_decay)
