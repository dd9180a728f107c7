"""How far what a sampler said of its tokens is from what the trainer says, under the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from collm.engines.following import Correction
from collm.functional.corrections import reweighted, truncated_weights
from collm.functional.losses import TokenScores


@dataclass(slots=True)
class Mismatch:
    """Sums over the tokens of a step, in nats."""

    tokens: int = 0
    total: float = 0.0
    worst: float = 0.0
    weights: float = 0.0

    def corrected(self, scores: TokenScores, sampler: Tensor, correction: Correction | None) -> TokenScores:
        """Count some tokens, and weigh their gradients as the correction says.

        Args:
            scores: of a microbatch; its ``behavior`` is the trainer's word on the weights that drew.
            sampler: ``"token"``, what the sampler said.
        """
        differences = (scores.behavior - sampler).abs()
        self.tokens += len(sampler)
        self.total += float(differences.sum())
        self.worst = max(self.worst, float(differences.max()))
        if correction is None:
            return scores
        by, cap = correction.by, correction.cap
        weights = truncated_weights(scores.behavior, sampler, scores.owners, by, cap)
        self.weights += float(weights.sum())
        return replace(scores, logprobs=reweighted(scores.logprobs, weights))

    def report(self) -> Mapping[str, float]:
        """Means over the tokens, and the largest difference; nothing if none were counted."""
        if not self.tokens:
            return {}
        measures = {"sampler_mismatch": self.total / self.tokens, "sampler_mismatch_max": self.worst}
        if self.weights:
            measures["sampler_weight"] = self.weights / self.tokens
        return measures


def joint(ones: Sequence[Mismatch]) -> Mismatch:
    """What several learners counted of one step."""
    return Mismatch(
        sum(one.tokens for one in ones),
        sum(one.total for one in ones),
        max(one.worst for one in ones),
        sum(one.weights for one in ones),
    )
