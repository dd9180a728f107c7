"""The seam of an algorithm, and the part that both actor-critic methods share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from collm.base.registry import discover, resolve
from collm.base.settings import Settings
from collm.base.validation import validated
from collm.errors import CollmError
from collm.functional.losses import policy_gradient_losses
from collm.functional.returns import lambda_advantages, td_residuals
from collm.types import Tree

JointMode = Literal["align", "cross"]
CriticView = Literal["joint", "local"]


@dataclass(frozen=True, slots=True)
class Estimates:
    """What learning needs from one tree for one agent, aligned with ``tree.turns()``.

    Attributes:
        advantages: ``"turn"``, before normalization and clipping.
        targets: ``"turn"``, what the critic should say before each turn; ``None`` without a critic.
    """

    advantages: Tensor
    targets: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Valued:
    """A critic's view of one tree, aligned with ``tree.turns()``.

    Attributes:
        values: ``"turn"``, V before the turn.
        next_values: ``"turn"``, V after the turn, 0 where the episode terminated.
    """

    values: Tensor
    next_values: Tensor


class Algorithm(Settings, ABC):
    """Hyperparameters and maths of a learning algorithm.

    Attributes:
        discount: weight of the next turn; the paper's objective is undiscounted (section 2.2).
        advantage_normalization: standardize the advantages of a minibatch before the clip.
        advantage_clip: cut advantages to this range (appendix C.3).
        ratio_clip: if set, PPO's clipped surrogate instead of the paper's plain ratio.
        reference_kl: weight of the divergence from the policy that training started with.
        update_epochs: passes over the collected buffer (``E`` in Algorithm 1).
        minibatch_size: joint actions in one optimizer step; ``None`` for the whole buffer.
    """

    critic_view: ClassVar[CriticView | None] = None

    type: str
    discount: float = Field(default=1.0, ge=0, le=1)
    advantage_normalization: bool = False
    advantage_clip: float | None = Field(default=None, gt=0)
    ratio_clip: float | None = Field(default=None, gt=0, lt=1)
    reference_kl: float = Field(default=0.0, ge=0)
    update_epochs: int = Field(default=1, ge=1)
    minibatch_size: int | None = Field(default=None, ge=1)

    @property
    @abstractmethod
    def num_samples(self) -> int:
        """``K``, joint samples drawn at each history."""

    @property
    def joint_mode(self) -> JointMode:
        """How the agents' samples form joint actions: index by index, or all combinations."""
        return "align"

    def agents_learn(self, update: int) -> bool:
        """Whether agents take steps in this update, counted from 0, or wait for the critics."""
        return True

    @abstractmethod
    def estimate(self, tree: Tree, agent: str, valued: Valued | None) -> Estimates:
        """Advantages and value targets of one agent; ``valued`` is ``None`` without a critic."""

    def policy_loss(self, logprobs: Tensor, behavior_logprobs: Tensor, advantages: Tensor) -> Tensor:
        """The loss of each action, ``"sample"``; all arguments are ``"sample"``."""
        return policy_gradient_losses(logprobs, behavior_logprobs, advantages, self.ratio_clip)


class ActorCritic(Algorithm):
    """Temporal-difference actor-critic over turns; subclasses say what the critic sees.

    Attributes:
        trace_decay: 0 is the paper's one-step residual; above it, generalized advantage estimation.
        critic_warmup: first updates in which only the critics learn, since an agent that trusts an
            untrained critic loses skill; the paper has none.
    """

    trace_decay: float = Field(default=0.0, ge=0, le=1)
    critic_warmup: int = Field(default=0, ge=0)

    @property
    def num_samples(self) -> int:
        return 1

    def agents_learn(self, update: int) -> bool:
        return update >= self.critic_warmup

    def estimate(self, tree: Tree, agent: str, valued: Valued | None) -> Estimates:
        assert valued is not None, "an actor-critic needs values"
        rewards = rewards_of(tree, agent)
        residuals = td_residuals(rewards, valued.values, valued.next_values, self.discount)
        advantages = lambda_advantages(residuals, self.discount, self.trace_decay)
        return Estimates(advantages, targets=advantages + valued.values)


def rewards_of(tree: Tree, agent: str) -> Tensor:
    """The rewards that an agent learns from, ``"turn"`` in the order of ``tree.turns()``."""
    return torch.tensor([turn.reward_of(agent) for turn in tree.turns()], dtype=torch.float32)


def parents_of(tree: Tree) -> list[int | None]:
    """For each turn of ``tree.turns()`` the index of its parent, ``None`` at a root."""
    turns = list(tree.turns())
    index = {id(turn): position for position, turn in enumerate(turns)}
    parents: list[int | None] = [None] * len(turns)
    for position, turn in enumerate(turns):
        for child in turn.children:
            parents[index[id(child)]] = position
    return parents


def algorithms() -> dict[str, type[Algorithm]]:
    """Every algorithm that ships with the package, by type name."""
    return discover("collm.algorithms", Algorithm)  # type: ignore[return-value]


def make_algorithm(config: Mapping[str, Any], where: str = "algorithm") -> Algorithm:
    """Build an algorithm from its configuration; ``type`` is a name or ``module:Class``.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, a value does not fit, or it has a
            critic and several samples, which :mod:`collm.training.learning` cannot value.
    """
    if not isinstance(config.get("type"), str):
        raise CollmError(
            f"{where}.type", "no algorithm is named.", f"set it to one of {', '.join(algorithms())}."
        )
    cls = resolve(config["type"], "collm.algorithms", Algorithm, f"{where}.type")
    own = cls.model_fields["type"].default
    algorithm = validated(cls, {**config, "type": own}, where)
    assert isinstance(algorithm, Algorithm)
    if algorithm.critic_view is not None and algorithm.num_samples > 1:
        problem = f"it has a critic and draws {algorithm.num_samples} samples at each history."
        mend = "let num_samples be 1, or critic_view None: critics value the one episode of a tree."
        raise CollmError(f"{where}.type", problem, mend)
    return algorithm
