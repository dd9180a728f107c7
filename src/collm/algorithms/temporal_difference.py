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
        value_clip: if set, PPO's clip of values: what a value gains by moving further than this, in units of
            returns, from where it was before the update's first step teaches nothing. One more forward
            pass of the critics an update.
    """

    trace_decay: float = Field(default=0.0, ge=0, le=1)
    n_step: int | None = Field(default=None, ge=1)
    critic_warmup: int = Field(default=0, ge=0)
    critic_epochs: int = Field(default=0, ge=0)
    value_clip: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_way_to_look_ahead(self) -> Self:
        if self.n_step is not None and self.trace_decay > 0:
            raise ValueError("n_step and trace_decay exclude each other: set trace_decay to 0")
        return self

    @model_validator(mode="after")
    def _values_move_before_they_are_clipped(self) -> Self:
        steps = self.update_epochs + self.critic_epochs
        if self.value_clip is not None and steps == 1 and self.minibatch_size is None:
            raise ValueError("value_clip does nothing in one step: set critic_epochs or minibatch_size too")
        return self

    def agents_learn(self, update: int) -> bool:
        return update >= self.critic_warmup

    def critic_passes(self) -> int:
        return self.critic_epochs

    @property
    def clips_values(self) -> bool:
        return self.value_clip is not None

    def value_losses(self, predicted: Tensor, target: Tensor, first: Tensor | None = None) -> Tensor:
        if self.value_clip is None or first is None:
            return functional.value_losses(predicted, target)
        return functional.clipped_value_losses(predicted, target, first, self.value_clip)

    def looking_ahead(self, tree: Tree, residuals: Tensor) -> Tensor:
        """One-step residuals ``"turn"`` as advantages that see as far ahead as was asked for."""
        if self.n_step is None and self.trace_decay == 0:
            return residuals
        parents = played_parents(tree)
        if self.n_step is not None:
            return functional.n_step_advantages(residuals, parents, self.discount, self.n_step)
        return functional.lambda_advantages(residuals, parents, self.discount, self.trace_decay)
