"""The part of an agent that learns: log-probabilities of its actions, and steps on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collm.agents.config import AgentConfig
from collm.functional.losses import TokenScores, importance_ratios, token_divergences
from collm.models.backbone import Handle
from collm.models.checkpointing import checkpointed
from collm.models.optimizer import Optimizer
from collm.models.rows import Row
from collm.models.teacher_forcing import ScoredBatch, packed, score
from collm.types import Action, Ids

Groups = Sequence[Sequence[Row]]
"""Microbatches of packed rows."""

PolicyLoss = Callable[[TokenScores], Tensor]
"""From the scores of some actions to their losses ``"sample"``."""

PolicyMeasures = Callable[[TokenScores], Mapping[str, Tensor]]
"""From the scores of some actions to what else to report of them, by name, ``"sample"``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One action to learn from, with the advantage that the algorithm gave it.

    Attributes:
        behavior_logprobs: of its tokens under the policy that drew it; ``None`` if the agent has not
            changed since, so that the pass that learns from it says them too (paper section 4.2).
    """

    prompt_ids: Ids
    token_ids: Ids
    behavior_logprobs: tuple[float, ...] | None
    advantage: float


@dataclass(frozen=True, slots=True)
class Step:
    """An optimizer step to take: the samples, their loss, and its place in the learning-rate schedule.

    Attributes:
        loss: its mean over the samples is what the step lowers.
        reference: whether the loss looks at the policy that training started with.
        update, planned_updates: from 0, of how many.
        measures: what the step reports beside its own.
    """

    samples: tuple[Sample, ...]
    loss: PolicyLoss
    reference: bool
    update: int
    planned_updates: int
    measures: PolicyMeasures = lambda scores: {}


class Learner:
    """Scores and trains a causal language model.

    Args:
        weights: those that change.
        reference: those that training started with.
        pad_id: fills unused positions.
        config: sampling, which scoring applies too, and optimization.
        seed: of what an optimizer rounds at random.
    """

    def __init__(
        self,
        weights: Handle,
        reference: Callable[[], Handle],
        pad_id: int,
        config: AgentConfig,
        seed: int = 0,
    ) -> None:
        self.weights, self._reference, self._pad_id, self._config = weights, reference, pad_id, config
        self._optimizer: Optimizer | None = None
        if not config.frozen:
            self._optimizer = Optimizer(weights.parameters(), config.optimization, seed)

    @property
    def version(self) -> int:
        """How many steps the weights have taken."""
        return 0 if self._optimizer is None else self._optimizer.steps

    @torch.no_grad()
    def logprobs(self, samples: Sequence[tuple[Ids, Ids]]) -> list[tuple[float, ...]]:
        """Teacher-forced log-probabilities of each action's tokens, under the current policy."""
        return [tuple(one.tolist()) for one in self._token_logprobs(self.weights, samples)]

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[tuple[float, ...]]:
        """Log-probabilities of actions' tokens under the current policy, which must have drawn them.

        In float32 the sampler's own are exact. In a shorter format they are off by the rounding of other
        shapes, which ratios would take for a change of policy: the actions are scored again.
        """
        if self._config.dtype == "float32":
            return [action.token_logprobs for action in actions]
        return self.logprobs([(action.prompt_ids, action.token_ids) for action in actions])

    def update(self, step: Step) -> dict[str, float]:
        """Take one optimizer step, which a frozen agent never does.

        Returns:
            Means over the samples of loss, ratio, divergences and the step's own measures; the gradient
            norm and the learning rate.
        """
        assert self._optimizer is not None
        samples = [(one.prompt_ids, one.token_ids) for one in step.samples]
        sums = {"policy_loss": 0.0, "ratio": 0.0, "reference_kl": 0.0, "behavior_kl": 0.0}
        with self.weights.model() as model:
            groups = packed(model, samples, self._config.batch_tokens)
        reference = self._token_logprobs(self._reference(), samples, groups) if step.reference else None
        with self.weights.model() as model, checkpointed(model, self._config.gradient_checkpointing):
            for batch in self._scored(model, samples, groups):
                scores = _scores(batch, step.samples, reference)
                losses = step.loss(scores)
                (losses.sum() / len(samples)).backward()
                with torch.no_grad():
                    measures = {**_measures(scores, losses), **step.measures(scores)}
                for name, value in measures.items():
                    sums[name] = sums.get(name, 0.0) + float(value.sum())
        norm, rate = self._optimizer.step(step.update, step.planned_updates)
        means = {name: total / len(samples) for name, total in sums.items()}
        return {**means, "grad_norm": norm, "learning_rate": rate}

    def save_optimizer(self, file: Path) -> None:
        assert self._optimizer is not None
        self._optimizer.save(file)

    def load_optimizer(self, file: Path) -> None:
        assert self._optimizer is not None
        self._optimizer.load(file)

    def _scored(
        self, model: Any, samples: Sequence[tuple[Ids, Ids]], groups: Groups | None
    ) -> Iterator[ScoredBatch]:
        config = self._config
        return score(model, samples, config.sampling, self._pad_id, config.batch_tokens, groups)

    @torch.no_grad()
    def _token_logprobs(
        self, weights: Handle, samples: Sequence[tuple[Ids, Ids]], groups: Groups | None = None
    ) -> list[Tensor]:
        """``"token"`` of each sample, in order."""
        logprobs: dict[int, Tensor] = {}
        with weights.model() as model:
            for batch in self._scored(model, samples, groups):
                logprobs.update(zip(batch.numbers, batch.split(batch.logprobs), strict=True))
        return [logprobs[number] for number in range(len(samples))]


def _scores(batch: ScoredBatch, samples: Sequence[Sample], reference: Sequence[Tensor] | None) -> TokenScores:
    """What the loss sees of a microbatch."""
    chosen, now = [samples[number] for number in batch.numbers], batch.logprobs.detach()
    behavior = [
        own if one.behavior_logprobs is None else now.new_tensor(one.behavior_logprobs)
        for own, one in zip(batch.split(now), chosen, strict=True)
    ]
    return TokenScores(
        logprobs=batch.logprobs,
        behavior=torch.cat(behavior),
        owners=batch.owners,
        behavior_sums=_behavior_sums(chosen, batch.summed(now)),
        advantages=now.new_tensor([one.advantage for one in chosen]),
        reference=None if reference is None else torch.cat([reference[number] for number in batch.numbers]),
    )


def _behavior_sums(samples: Sequence[Sample], now: Tensor) -> Tensor:
    """Behavior log-probabilities of whole actions ``"sample"``, those of ``now`` where none are given."""
    logprobs = [one.behavior_logprobs for one in samples]
    known = now.new_tensor([math.nan if one is None else sum(one) for one in logprobs])
    return torch.where(known.isnan(), now, known)


def _measures(scores: TokenScores, losses: Tensor) -> dict[str, Tensor]:
    """What a step reports of each sample, ``"sample"``."""
    now, behavior = scores.summed(scores.logprobs.detach()), scores.behavior_sums
    measures = {
        "policy_loss": losses.detach(),
        "ratio": importance_ratios(now, behavior),
        "behavior_kl": behavior - now,
    }
    if scores.reference is not None:
        measures["reference_kl"] = scores.summed(
            token_divergences(scores.logprobs.detach(), scores.reference)
        )
    return measures
