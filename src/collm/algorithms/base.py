"""The seam of an algorithm: what it asks of a rollout and of critics, and how a tree becomes a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from collm import functional
from collm.base.registry import discover, made
from collm.base.settings import Settings
from collm.functional.kinds import DivergenceKind, RatioKind
from collm.types import Tree

if TYPE_CHECKING:  # a recipe can be read without torch
    from torch import Tensor

    from collm.functional import TokenScores

JointMode = Literal["align", "cross"]
ReadPoint = Literal["before", "after"]

LOG_RATIOS = "log_ratios"
"""The name of the value that holds, after the actions, what :meth:`Algorithm.compared` asks for."""


@dataclass(frozen=True, slots=True)
class Branching:
    """How a tree grows: ``num_samples`` at each history, ``align``-ed index by index or all ``cross``-ed."""

    num_samples: int = 1
    joint_mode: JointMode = "align"


@dataclass(frozen=True, slots=True)
class Probe:
    """More joint turns to play at a history of a tree.

    Attributes:
        beside: a turn of the tree; the new ones are its siblings.
        label: what :attr:`collm.types.Turn.probe` says of them.
        agent: who draws anew while the others act as they did beside it; ``None`` for all agents.
        samples: how many.
        greedy: take the most likely tokens.
        learned: whether the new siblings are learned from; what follows them never is.
        onward: play each to its episode's end, or this one turn.
    """

    beside: int
    label: str
    agent: str | None = None
    samples: int = 1
    greedy: bool = False
    learned: bool = False
    onward: bool = True


@dataclass(frozen=True, slots=True)
class CriticView:
    """What a critic reads of a tree, and where.

    Attributes:
        agent: whose history ``h_{i,t}``; ``None`` for the joint history ``h_t``.
        reads: ``before`` a turn's actions, a value V(h_t); ``after`` them, a value Q(h_t, a_t).
    """

    agent: str | None = None
    reads: tuple[ReadPoint, ...] = ("before",)


@dataclass(frozen=True, slots=True)
class MixerView:
    """A small network that reads the numbers of ``m_t`` and says at each turn how values are mixed there.

    Attributes:
        first: what it says everywhere before it learns.
        learning_rate: of its own optimizer.
        width: of its one hidden layer.
    """

    first: tuple[float, ...]
    learning_rate: float
    width: int = 64


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a critic says of a tree, each ``"turn"``, NaN where it does not read; a mixer's ``"turn output"``.

    Attributes:
        before: V before each turn's actions; siblings share theirs.
        following: V after each turn, where the next actions are chosen; 0 where the episode terminated.
        after: Q after each turn's actions.
    """

    before: Tensor
    following: Tensor
    after: Tensor


@dataclass(frozen=True, slots=True)
class Target:
    """What a critic should say of one tree, each ``"turn"``; ``None`` teaches nothing at that point."""

    before: Tensor | None = None
    after: Tensor | None = None


class Algorithm(Settings, ABC):
    """Hyperparameters and maths of a learning algorithm; its methods are pure.

    Attributes:
        offline: whether it can learn from what others have said, such as an earlier run.
        unused: keys of all algorithms that do nothing for this one, so that setting them is an error.
        discount: weight of the next turn; the paper's objective is undiscounted (section 2.2).
        advantage_normalization: standardize the advantages of a minibatch before the clip.
        advantage_clip: cut advantages to this range (appendix C.3).
        ratio: of whole actions, as the paper has it; ``token``: each token's own, as PPO has them;
            ``geometric``: of whole actions by the mean token, as GSPO has it.
        ratio_clip: if set, PPO's clipped surrogate instead of the paper's plain ratio.
        ratio_cap: if set, the plain ratio counts for no more than this: a truncated importance weight.
        entropy_bonus: weight of the entropy of the tokens' distributions.
        reference_kl: weight of the divergence from the policy that training started with.
        reference_kl_as: ``k3`` and ``k2`` are terms of the loss, ``reward`` charges each token for its own
            and the action's later log-ratios (beside the advantage, so after normalization and clip).
        update_epochs: passes over the collected buffer (``E`` in Algorithm 1).
        minibatch_size: joint actions in one optimizer step; ``None`` for the whole buffer.
    """

    offline: ClassVar[bool] = False
    unused: ClassVar[tuple[str, ...]] = ()

    type: str
    discount: float = Field(default=1.0, ge=0, le=1)
    advantage_normalization: bool = False
    advantage_clip: float | None = Field(default=None, gt=0)
    ratio: RatioKind = "sequence"
    ratio_clip: float | None = Field(default=None, gt=0, lt=1)
    ratio_cap: float | None = Field(default=None, ge=1)
    entropy_bonus: float = Field(default=0.0, ge=0)
    reference_kl: float = Field(default=0.0, ge=0)
    reference_kl_as: DivergenceKind = "k3"
    update_epochs: int = Field(default=1, ge=1)
    minibatch_size: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _nothing_without_use(self) -> Self:
        for key in self.unused:
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} does nothing for the algorithm {self.type}: leave it out")
        if self.ratio_cap is not None and self.ratio_clip is not None:
            raise ValueError("ratio_cap does nothing beside ratio_clip: leave one of them out")
        return self

    @property
    def branching(self) -> Branching:
        """How its trees grow; one joint sample at each history by default."""
        return Branching()

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        """The critics that it learns with, by name; none by default."""
        return {}

    @property
    def trained_critics(self) -> Sequence[str]:
        """Those of its critics that do not learn, so that an earlier run must have trained them."""
        return ()

    def mixers(self, agents: Sequence[str]) -> Mapping[str, MixerView]:
        """Small networks whose predictions :meth:`mixed` gets too, by name; none by default."""
        return {}

    def probes(self, tree: Tree) -> Sequence[Probe]:
        """What else to play from the histories of a tree before learning from it; nothing by default."""
        return ()

    def most_probes(self, agents: Sequence[str], siblings: int) -> Sequence[Probe]:
        """What :meth:`probes` asks for at most at a history at which so many joint actions were drawn."""
        return ()

    @property
    def sees_next_alone(self) -> bool:
        """Whether targets and advantages of a turn need no values but its own and what follows it directly.

        Critics then read a tree no further, and values of other turns are NaN.
        """
        return False

    @property
    def needs_reference(self) -> bool:
        """Whether the policy that training started with is loaded: it is weighed, or compared with."""
        return self.reference_kl > 0

    def compared(self, tree: Tree) -> Sequence[int]:
        """Turns of which it wants to know how much likelier the joint action has become; none by default.

        That is the sum over agents of the log-ratio to the policy that training started with.
        """
        return ()

    def agents_learn(self, update: int) -> bool:
        """Whether agents take steps in this update, counted from 0, or wait for the critics."""
        return True

    def critic_passes(self) -> int:
        """How often critics go over an update's buffer alone, after the agents' steps."""
        return 0

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        """Values made of several critics', differentiable; targets, losses and advantages see only these."""
        return predictions

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        """What each of the mixed values should have been, by their names."""
        return {}

    @abstractmethod
    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        """``"turn"``, what one agent's actions were worth, before normalization and clip.

        NaN at a turn from which the agent does not learn, though others may.
        """

    def measures(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Sequence[float]]:
        """What else to report of a tree, by name; of all trees' values the mean is logged."""
        return {}

    @property
    def clips_values(self) -> bool:
        """Whether :meth:`value_losses` wants to know what was predicted before an update's first step."""
        return False

    def value_losses(self, predicted: Tensor, target: Tensor, first: Tensor | None = None) -> Tensor:
        """The loss of each value, ``"value"``."""
        return functional.value_losses(predicted, target)

    def action_losses(self, scores: TokenScores) -> Tensor:
        """What the advantages make of each action's loss, ``"sample"``."""
        return functional.surrogate_losses(scores, self.ratio, self.ratio_clip, self.ratio_cap)

    def policy_losses(self, scores: TokenScores) -> Tensor:
        """The loss of each action, with what it costs to be certain and to stray, ``"sample"``."""
        losses = self.action_losses(scores)
        if self.entropy_bonus > 0:
            losses = losses + self.entropy_bonus * functional.entropy_losses(scores)
        if scores.reference is not None:
            losses = losses + self.reference_kl * functional.divergence_losses(scores, self.reference_kl_as)
        return losses

    def policy_measures(self, scores: TokenScores) -> Mapping[str, Tensor]:
        """What else a step reports of each action, by name, ``"sample"``."""
        if self.ratio_clip is not None:
            return {"ratios_clipped": functional.clipped_shares(scores, self.ratio, self.ratio_clip)}
        if self.ratio_cap is not None:
            return {"ratios_capped": functional.capped_shares(scores, self.ratio, self.ratio_cap)}
        return {}


def rewards_of(tree: Tree, agent: str | None) -> Tensor:
    """``"turn"``, the rewards that an agent learns from, or the joint ones."""
    import torch

    rewards = [turn.reward if agent is None else turn.reward_of(agent) for turn in tree.turns]
    return torch.tensor(rewards, dtype=torch.float32)


def returns_of(tree: Tree, agent: str | None, discount: float) -> Tensor:
    """``"turn"``, the Monte-Carlo return from each turn; a probe's is its own, and nobody else's."""
    return functional.tree_returns(rewards_of(tree, agent), played_parents(tree), discount)


def played_parents(tree: Tree) -> list[int | None]:
    """Each turn's parent, ``None`` also where a probe branches off: it is no sample of what follows."""
    return [
        None if parent is None or bool(turn.probe) != bool(tree.turns[parent].probe) else parent
        for turn, parent in zip(tree.turns, tree.parents, strict=True)
    ]


def siblings_of(tree: Tree) -> list[int]:
    """A label for each turn, the same for those that start at one history, probes among them."""
    return [-1 if parent is None else parent for parent in tree.parents]


def algorithms() -> dict[str, type[Algorithm]]:
    """Every algorithm that ships with the package, by type name."""
    return discover("collm.algorithms", Algorithm)  # type: ignore[return-value]


def make_algorithm(config: Mapping[str, Any], where: str = "algorithm") -> Algorithm:
    """Build an algorithm from its configuration; ``type`` is a name or ``module:Class``.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, or a value does not fit.
    """
    algorithm: Algorithm = made(config, Algorithm, "algorithm", where, "collm.algorithms")
    return algorithm
