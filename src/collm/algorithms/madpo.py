"""Multi-agent DPO: joint actions that did better are made likelier than those that did worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import LOG_RATIOS, Algorithm, Branching, Prediction
from collm.algorithms.preferences import Pair, joint_pairs
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

    from collm.functional import TokenScores


class MADPO(Algorithm):
    """Direct preference optimization of a team on pairs of joint actions from one history.

    Loss of a pair: ``-log sigmoid(beta * sum over agents of [D_i - D_i of the reference])``, ``D_i`` how much
    likelier agent ``i`` makes its part of the chosen joint action than that of the rejected one (Rafailov et
    al. 2023 for one agent). Each agent learns from its own log-probabilities, the others' held fixed: the
    exact gradient. Pairs are the best and the worst of the samples of each history; ties are none.

    It lowers another objective than policy gradients do: it looks at which return is larger, not by how much.

    Attributes:
        num_generations: ``K``, joint samples at each history.
        beta: how soon a pair is taken for settled; small lets the team move far from where it started.
        least_gap: pairs whose returns differ by no more are left out.
    """

    offline: ClassVar[bool] = True
    unused: ClassVar[tuple[str, ...]] = (
        *("advantage_normalization", "advantage_clip"),
        *("ratio", "ratio_clip", "ratio_cap"),
    )

    type: Literal["madpo"] = "madpo"
    num_generations: int = Field(default=4, ge=2)
    beta: float = Field(default=0.1, gt=0)
    least_gap: float = Field(default=0.0, ge=0)

    @property
    def branching(self) -> Branching:
        return Branching(self.num_generations)

    @property
    def needs_reference(self) -> bool:
        return True

    def compared(self, tree: Tree) -> Sequence[int]:
        return sorted(number for pair in self._pairs(tree) for number in pair)

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        """What the loss pushes each log-probability by; twice, since a pair is two samples of the mean."""
        import torch

        pushes = torch.full((len(tree.turns),), float("nan"))
        for pair in self._pairs(tree):
            push = 2 * self.beta * (-self._margin(predictions, pair)).sigmoid()
            pushes[pair.chosen], pushes[pair.rejected] = push, -push
        return pushes

    def action_losses(self, scores: TokenScores) -> Tensor:
        return -scores.advantages * scores.summed(scores.logprobs)

    def measures(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Sequence[float]]:
        pairs = self._pairs(tree)
        if not pairs:
            return {}
        import torch

        margins = torch.stack([self._margin(predictions, pair) for pair in pairs])
        return {
            "preference_loss": functional.preference_losses(margins).tolist(),
            "preference_accuracy": (margins > 0).float().tolist(),
            "preference_margin": margins.tolist(),
        }

    def _pairs(self, tree: Tree) -> list[Pair]:
        return list(joint_pairs(tree, self.discount, self.least_gap))

    def _margin(self, predictions: Mapping[str, Prediction], pair: Pair) -> Tensor:
        log_ratios = predictions[LOG_RATIOS].after
        return self.beta * (log_ratios[pair.chosen] - log_ratios[pair.rejected])
