"""The part of an agent that learns: log-probabilities of its actions, and steps on them."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collm.agents.config import AgentConfig
from collm.agents.joining import Joined, Pair, Pull
from collm.agents.mismatch import Mismatch, joint
from collm.functional.losses import TokenScores, importance_ratios, token_divergences
from collm.models.backbone import Handle
from collm.models.offloading import remembering
from collm.models.optimizer import Optimizer
from collm.models.peers import ALONE, Groups, Peers
from collm.models.teacher_forcing import ScoredBatch, chosen_of, packed, score
from collm.types import Action, Ids

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
        sampler_logprobs: what the engine that drew them said of them; empty if none did.
    """

    prompt_ids: Ids
    token_ids: Ids
    behavior_logprobs: tuple[float, ...] | None
    advantage: float
    sampler_logprobs: tuple[float, ...] = ()


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


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Reading:
    """What one model made of some prompts and actions.

    Attributes:
        before: ``"sample width"``, hidden states before each action, constants.
        pairs, batch: the one forward pass that a step may go on from, ``None`` if there were several.
        version: of the weights.
    """

    before: Tensor
    pairs: tuple[Pair, ...]
    batch: ScoredBatch | None
    version: int


class Learner:
    """Scores and trains a causal language model.

    Args:
        weights: those that change.
        reference: those that training started with.
        pad_id: fills unused positions.
        config: sampling, which scoring applies too, and optimization.
        seed: of what an optimizer rounds at random.
        peers: who else learns these weights, each from a share of every step; they must be asked for the
            same in the same order.
    """

    def __init__(
        self,
        weights: Handle,
        reference: Callable[[], Handle],
        pad_id: int,
        config: AgentConfig,
        seed: int = 0,
        peers: Peers = ALONE,
    ) -> None:
        self.weights, self._reference, self._pad_id, self._config = weights, reference, pad_id, config
        self._optimizer: Optimizer | None = None
        if not config.frozen:
            self._optimizer = Optimizer(weights.parameters(), config.optimization, seed)
        self._reading: Callable[[], Reading | None] = lambda: None
        self._peers = peers
        self.pull: Pull | None = None
        self._following = config.engine.following(config)

    @property
    def version(self) -> int:
        """How many steps the weights have taken."""
        return 0 if self._optimizer is None else self._optimizer.steps

    @torch.no_grad()
    def logprobs(self, samples: Sequence[Pair]) -> list[tuple[float, ...]]:
        """Teacher-forced log-probabilities of each action's tokens, under the current policy."""
        return [tuple(one.tolist()) for one in self._token_logprobs(self.weights, samples)]

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[tuple[float, ...]]:
        """Log-probabilities of actions' tokens under the current policy, which must have drawn them.

        In float32 the sampler's own are exact. In a shorter format they are off by the rounding of other
        shapes, and an engine with weights of its own rounds in its own way. Ratios would take that for a
        change of policy: the actions are scored again.
        """
        if self._config.dtype == "float32" and self._following is None:
            return [action.token_logprobs for action in actions]
        return self.logprobs([(action.prompt_ids, action.token_ids) for action in actions])

    def read(self, pairs: Sequence[Pair]) -> Reading:
        """Run over prompts and actions; a step goes on from this pass while somebody holds what it gave."""
        limit = self._config.batch_tokens
        with self.weights.model() as model, remembering(model, self._config):
            groups = packed(model, pairs, limit)
            with torch.set_grad_enabled(len(groups) == 1):
                batches = list(self._scored(model, pairs, groups))
        numbers = torch.tensor([number for one in batches for number in one.numbers])
        before = torch.cat([one.before.detach() for one in batches])[numbers.argsort().to(model.device)]
        reading = Reading(before, tuple(pairs), batches[0] if len(batches) == 1 else None, self.version)
        self._reading = weakref.ref(reading)
        return reading

    @torch.no_grad()
    def log_ratios(self, actions: Sequence[Action]) -> list[float]:
        """How much likelier each action is now than under the policy that training started with, in nats."""
        samples = [(action.prompt_ids, action.token_ids) for action in actions]
        now, before = (self._token_logprobs(one, samples) for one in (self.weights, self._reference()))
        return [float((new - old).sum()) for new, old in zip(now, before, strict=True)]

    def update(self, step: Step) -> dict[str, float]:
        """Take one optimizer step, which a frozen agent never does.

        Returns:
            Means over the samples of loss, ratio, divergences and the step's own measures; the gradient
            norm and the learning rate; for an engine with weights of its own, how far off it was.
        """
        assert self._optimizer is not None
        mismatch = Mismatch()
        samples = [(one.prompt_ids, one.token_ids) for one in step.samples]
        sums = {"policy_loss": 0.0, "ratio": 0.0, "reference_kl": 0.0, "behavior_kl": 0.0}
        with self.weights.model() as model:
            groups = self._groups(model, samples)
        reference = self._token_logprobs(self._reference(), samples, groups) if step.reference else None
        parameters = list(self.weights.parameters())
        with self.weights.model() as model, remembering(model, self._config):
            joined = Joined(parameters, samples, self.pull, self._peers.goes_back)
            for batch in self._passes(model, samples, groups):
                if not batch.numbers:  # a pass for the others' sake
                    joined.backward(batch.logprobs.sum(), batch)
                    continue
                scores = self._corrected(_scores(batch, step.samples, reference), batch, step, mismatch)
                losses = step.loss(scores)
                joined.backward(losses.sum() / len(samples), batch)
                with torch.no_grad():
                    measures = {**_measures(scores, losses), **step.measures(scores)}
                for name, value in measures.items():
                    sums[name] = sums.get(name, 0.0) + float(value.sum())
            self._peers.combine(parameters)
            measured, self.pull = joined.ended(), None
        norm, rate = self._optimizer.step(step.update, step.planned_updates)
        everyones = self._peers.gathered((sums, mismatch))
        means = {name: total / len(samples) for name, total in _summed(one for one, _ in everyones).items()}
        told = joint([one for _, one in everyones]).report()
        return {**means, **measured, "grad_norm": norm, "learning_rate": rate, **told}

    def save_optimizer(self, file: Path) -> None:
        """Write the optimizer's state, one for all peers; the first of them does."""
        assert self._optimizer is not None
        self._optimizer.save(file, writes=self._peers.first)

    def load_optimizer(self, file: Path) -> None:
        assert self._optimizer is not None
        self._optimizer.load(file)

    def _passes(self, model: Any, samples: Sequence[Pair], groups: Groups) -> Iterator[ScoredBatch]:
        """Microbatches of all samples: the pass that was read last, where it is whole and still true."""
        reading = self._reading()
        self._reading = lambda: None
        if reading is None or reading.batch is None or reading.version != self.version:
            yield from self._scored(model, samples, groups)
            return
        places = {pair: place for place, pair in enumerate(reading.pairs)}
        if not set(samples) <= places.keys():
            yield from self._scored(model, samples, groups)
            return
        yield chosen_of(reading.batch, [places[pair] for pair in samples])

    def _groups(self, model: Any, samples: Sequence[Pair]) -> Groups:
        """This learner's microbatches of some samples, all of them if there are no peers."""
        return self._peers.groups(model, samples, self._config.batch_tokens, self._pad_id)

    def _scored(self, model: Any, samples: Sequence[Pair], groups: Groups) -> Iterator[ScoredBatch]:
        config = self._config
        return score(model, samples, config.sampling, self._pad_id, config.batch_tokens, groups)

    def _corrected(
        self, scores: TokenScores, batch: ScoredBatch, step: Step, mismatch: Mismatch
    ) -> TokenScores:
        """Scores whose gradients make up for what an engine with weights of its own rounds otherwise."""
        if self._following is None:
            return scores
        said = [step.samples[number].sampler_logprobs for number in batch.numbers]
        sampler = torch.cat([scores.behavior.new_tensor(one) for one in said])
        if len(sampler) != len(scores.behavior):  # others have said some of it: no engine drew that
            return scores
        return mismatch.corrected(scores, sampler, self._following.correction)

    @torch.no_grad()
    def _token_logprobs(
        self, weights: Handle, samples: Sequence[Pair], groups: Groups | None = None
    ) -> list[Tensor]:
        """``"token"`` of each sample, in order."""
        own: dict[int, Tensor] = {}
        with weights.model() as model:
            groups = self._groups(model, samples) if groups is None else groups
            for batch in self._scored(model, samples, groups):
                own.update(zip(batch.numbers, batch.split(batch.logprobs), strict=True))
        logprobs = {number: one for other in self._peers.gathered(own) for number, one in other.items()}
        return [logprobs[number] for number in range(len(samples))]


def _summed(everyones: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The sums of all, by name."""
    sums: dict[str, float] = {}
    for one in everyones:
        for name, value in one.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums


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
