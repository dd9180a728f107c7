"""A model of the joint reward, learned from which of two joint actions did better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import Algorithm, Branching, CriticView, Prediction, Target, played_parents
from collm.algorithms.preferences import joint_pairs
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

REWARD = "reward_model"
"""The name of the critic that says rewards."""


class RewardModel(Algorithm):
    """A critic reads the joint transcript up to each joint action and says its reward; agents do not learn.

    Loss of a pair of joint actions from one history: ``-log sigmoid(G_chosen - G_rejected)``, ``G`` the
    return in rewards that the critic says (Christiano et al. 2017, for a team). Its zero point is arbitrary:
    learn from it by a method with a baseline (:mod:`collm.algorithms.learned_reward`).

    Attributes:
        num_generations: ``K``, joint samples at each history, of which the best and the worst are a pair.
        least_gap: pairs whose returns differ by no more are left out.
    """

    offline: ClassVar[bool] = True
    unused: ClassVar[tuple[str, ...]] = (
        *("advantage_normalization", "advantage_clip", "ratio", "ratio_clip", "ratio_cap"),
        *("entropy_bonus", "reference_kl", "reference_kl_as"),
    )

    type: Literal["reward_model"] = "reward_model"
    num_generations: int = Field(default=4, ge=2)
    least_gap: float = Field(default=0.0, ge=0)

    @property
    def branching(self) -> Branching:
        return Branching(self.num_generations)

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {REWARD: CriticView(reads=("after",))}

    def agents_learn(self, update: int) -> bool:
        return False

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        return {REWARD: preferred(tree, predictions[REWARD].after, self.discount, self.least_gap)}

    def measures(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Sequence[float]]:
        return preference_measures(tree, predictions[REWARD].after, self.discount, self.least_gap)

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        import torch

        return torch.full((len(tree.turns),), float("nan"))


def preferred(tree: Tree, rewards: Tensor, discount: float, least_gap: float) -> Target:
    """Targets to which the squared loss has the gradient of the pairs' loss.

    Args:
        rewards: that the model says, ``"turn"``.
    """
    import torch

    said = rewards.detach().clone().requires_grad_()
    with torch.enable_grad():
        losses = functional.preference_losses(_margins(tree, said, discount, least_gap))
        (losses.sum() + 0 * said.nansum()).backward()
    assert said.grad is not None
    return Target(after=rewards.detach() - said.grad / 2)


def preference_measures(
    tree: Tree, rewards: Tensor, discount: float, least_gap: float
) -> dict[str, list[float]]:
    """The loss of every pair, and whether the model prefers what was preferred."""
    margins = _margins(tree, rewards.detach(), discount, least_gap)
    return {
        "preference_loss": functional.preference_losses(margins).tolist(),
        "preference_accuracy": (margins > 0).float().tolist(),
    }


def _margins(tree: Tree, rewards: Tensor, discount: float, least_gap: float) -> Tensor:
    """For each pair by how much its chosen one is better, as the model says, ``"pair"``."""
    pairs = list(joint_pairs(tree, discount, least_gap))
    returns = functional.tree_returns(rewards, played_parents(tree), discount)
    return returns[[pair.chosen for pair in pairs]] - returns[[pair.rejected for pair in pairs]]
