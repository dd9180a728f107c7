"""The agent in this process: a causal language model with its tokenizer, optimizer and caches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from collm.agents.config import AgentConfig
from collm.agents.templates import Renderer
from collm.engines.cache import RowCache
from collm.engines.decoding import Decoder, Draft, Sampled
from collm.errors import CollmError
from collm.functional.losses import importance_ratios, token_divergences
from collm.models.loading import check_known, load_causal_model, load_tokenizer
from collm.models.optimizer import Optimizer
from collm.models.packing import Ids
from collm.models.teacher_forcing import ScoredBatch, score
from collm.types import Action, Observation

PolicyLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class History:
    """One agent's observations and actions so far, as the tokens that it read and wrote."""

    token_ids: Ids = ()
    started: bool = False
    cache: RowCache | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Samples to draw at one history.

    Attributes:
        history: what came before.
        observation: what the agent sees now.
        seeds: one for each sample to draw.
    """

    history: History
    observation: Observation
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A drawn action and the history that it leads to."""

    action: Action
    history: History


@dataclass(frozen=True, slots=True)
class Experience:
    """One action to learn from, with the advantage that the algorithm gave it.

    Attributes:
        behavior_logprob: of the whole action under the policy that drew it; ``None`` if the agent has
            not changed since, so that the pass that learns from it says it too (paper section 4.2).
    """

    prompt_ids: Ids
    token_ids: Ids
    behavior_logprob: float | None
    advantage: float


class Policy(Protocol):
    """What a rollout needs of an agent; one behind an HTTP endpoint has no more than this."""

    def sample(self, requests: Sequence[Request], greedy: bool = False) -> list[tuple[Reply, ...]]: ...


class Agent:
    """A policy that samples, scores, learns and saves itself.

    Args:
        config: model, sampling, optimization.
        name: the agent's id, for errors.
        weights: a folder to take the weights from instead of ``config.model``, when resuming.

    Raises:
        CollmError: if the model, the tokenizer or the chat template cannot be opened.
    """

    def __init__(self, config: AgentConfig, name: str, weights: Path | None = None) -> None:
        where = f"agents.{name}"
        source = (
            config
            if weights is None
            else config.model_copy(update={"model": str(weights), "tokenizer": None})
        )
        self.config, self.name = config, name
        self.tokenizer = load_tokenizer(source, where)
        if config.chat_template is not None:
            self.tokenizer.chat_template = _read_template(config.chat_template, f"{where}.chat_template")
        self.model = load_causal_model(source, where)
        self._renderer = Renderer(self.tokenizer, dict(config.template_options), where)
        ends = _end_ids(self.model, self.tokenizer, f"{where}.model")
        self._decoder = Decoder(self.model, ends, self.tokenizer.pad_token_id)
        self._optimizer: Optimizer | None = None
        self._reference: Any = None

    def sample(self, requests: Sequence[Request], greedy: bool = False) -> list[tuple[Reply, ...]]:
        """Draw ``len(request.seeds)`` actions at each history, all in one batch.

        ``greedy`` takes the most likely tokens instead of drawing.
        """
        sampling = self.config.sampling
        if greedy:
            sampling = sampling.model_copy(update={"temperature": 0.0})
        drafts = [self._draft(request, seed) for request in requests for seed in request.seeds]
        drawn: list[Reply] = []
        for start in range(0, len(drafts), self.config.batch_rows):
            batch = drafts[start : start + self.config.batch_rows]
            drawn += map(self._reply, batch, self._decoder.sample(batch, sampling))
        replies = iter(drawn)
        return [tuple(next(replies) for _ in request.seeds) for request in requests]

    @torch.no_grad()
    def logprobs(self, samples: Sequence[tuple[Ids, Ids]]) -> list[float]:
        """Log-probability of each action given its prompt under the current policy, teacher-forced."""
        scores = [0.0] * len(samples)
        for batch in self._score(self.model, samples):
            for number, value in zip(batch.numbers, batch.summed(batch.logprobs).tolist(), strict=True):
                scores[number] = value
        return scores

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[float]:
        """Log-probability of each action under the current policy, which must be the one that drew it.

        In float32 the sampler's own are exact. In a shorter format they are off by the rounding of other
        shapes, which ratios would take for a change of policy: the actions are scored again.
        """
        if self.model.dtype == torch.float32:
            return [action.logprob for action in actions]
        return self.logprobs([(action.prompt_ids, action.token_ids) for action in actions])

    def update(
        self,
        experience: Sequence[Experience],
        loss: PolicyLoss,
        reference_kl: float,
        update: int,
        planned_updates: int,
    ) -> dict[str, float]:
        """Take one optimizer step on the mean loss of some actions.

        Args:
            loss: from (log-probabilities, behavior log-probabilities, advantages), all ``"sample"``, to
                losses ``"sample"``.
            reference_kl: weight of the divergence from the policy in ``config.model``.
            update, planned_updates: place in the learning-rate schedule.

        Returns:
            Means of the loss, ratio and divergence, the gradient norm and the learning rate.
        """
        sums = {"policy_loss": 0.0, "ratio": 0.0, "reference_kl": 0.0, "behavior_kl": 0.0}
        samples = [(one.prompt_ids, one.token_ids) for one in experience]
        for batch in self._score(self.model, samples):
            chosen = [experience[number] for number in batch.numbers]
            logprobs = batch.summed(batch.logprobs)
            behavior = _behavior(chosen, logprobs.detach())
            losses = loss(logprobs, behavior, logprobs.new_tensor([one.advantage for one in chosen]))
            if reference_kl > 0:
                divergences = batch.summed(
                    token_divergences(batch.logprobs, self._reference_logprobs(samples, batch))
                )
                losses = losses + reference_kl * divergences
                sums["reference_kl"] += float(divergences.detach().sum())
            (losses.sum() / len(experience)).backward()
            sums["policy_loss"] += float(losses.detach().sum())
            sums["ratio"] += float(importance_ratios(logprobs.detach(), behavior).sum())
            sums["behavior_kl"] += float((behavior - logprobs.detach()).sum())
        norm, rate = self._stepper().step(update, planned_updates)
        means = {name: total / len(experience) for name, total in sums.items()}
        return {**means, "grad_norm": norm, "learning_rate": rate}

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        """Test that the agent can read the observations of an episode.

        Raises:
            CollmError: if there is no chat template where one is needed, it fails, the tokenizer is of
                another model, or the first observation does not fit into the context.
        """
        opening, limit = self._renderer.opening(observations[0]), self.config.context
        if len(opening) > limit:
            problem = f"the first observation of {place} takes {len(opening)} tokens, more than {limit}."
            mend = "raise it, or the beginning would never be read."
            raise CollmError(f"agents.{self.name}.context", problem, mend)
        ids = set(opening)
        for later in observations[1:]:
            full = self.config.history == "full"
            ids |= set(self._renderer.continuation(later, None) if full else self._renderer.opening(later))
        check_known(self.model, self.tokenizer, ids, f"agents.{self.name}")

    def save(self, folder: Path) -> None:
        """Write an ordinary Hugging Face model folder."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def save_optimizer(self, file: Path) -> None:
        self._stepper().save(file)

    def load_optimizer(self, file: Path) -> None:
        self._stepper().load(file, self.model.device)

    def _draft(self, request: Request, seed: int) -> Draft:
        history, observation = request.history, request.observation
        if self.config.history == "turn" or not history.started:
            context, cached = tuple(self._renderer.opening(observation)), None
        else:
            extension = self._renderer.continuation(observation, history.token_ids[-1])
            context, cached = history.token_ids + tuple(extension), history.cache
        if len(context) > self.config.context:
            context, cached = context[-self.config.context :], None
        return Draft(context, cached, seed)

    def _reply(self, draft: Draft, drawn: Sampled) -> Reply:
        text = self.tokenizer.decode(drawn.token_ids, skip_special_tokens=True)
        action = Action(text, draft.context, drawn.token_ids, drawn.token_logprobs, drawn.finish_reason)
        cache = drawn.cache.compact() if self.config.keeps_cache else None
        return Reply(action, History(draft.context + drawn.token_ids, True, cache))

    def _score(self, model: Any, samples: Sequence[tuple[Ids, Ids]]) -> Any:
        pad, budget = self.tokenizer.pad_token_id, self.config.batch_tokens
        return score(model, samples, self.config.sampling, pad, budget)

    @torch.no_grad()
    def _reference_logprobs(self, samples: Sequence[tuple[Ids, Ids]], batch: ScoredBatch) -> Tensor:
        """Token log-probabilities of the policy that training started with, in the order of ``batch``."""
        if self._reference is None:
            self._reference = load_causal_model(self.config, f"agents.{self.name}").requires_grad_(False)
        chosen = [samples[number] for number in batch.numbers]
        by_number: dict[int, Tensor] = {}
        for scored in self._score(self._reference, chosen):
            parts = scored.logprobs.split(scored.owners.bincount().tolist())
            by_number.update(zip(scored.numbers, parts, strict=True))
        return torch.cat([by_number[index] for index in range(len(chosen))])

    def _stepper(self) -> Optimizer:
        if self._optimizer is None:
            self._optimizer = Optimizer(self.model.parameters(), self.config.optimization)
        return self._optimizer


def _behavior(experience: Sequence[Experience], now: Tensor) -> Tensor:
    """Behavior log-probabilities ``"sample"``, those of ``now`` where none are given."""
    given = [one.behavior_logprob for one in experience]
    known = now.new_tensor([math.nan if value is None else value for value in given])
    return torch.where(known.isnan(), now, known)


def _end_ids(model: Any, tokenizer: Any, where: str) -> frozenset[int]:
    """Every token that ends a turn, from the tokenizer and the generation config."""
    configured = model.generation_config.eos_token_id
    ids = [*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id]
    odd = [token for token in ids if not isinstance(token, int | None) or isinstance(token, bool)]
    if odd:
        problem = f"eos_token_id in its generation_config.json is {odd[0]!r}, not the number of a token."
        raise CollmError(where, problem, "write a number, or a list of numbers.")
    return frozenset(token for token in ids if token is not None)


def _read_template(path: str, where: str) -> str:
    file = Path(path).expanduser()
    if not file.is_file():
        raise CollmError(where, f"no such file: {path}.", "give the path of a Jinja chat template.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CollmError(where, f"{path} is not a text in UTF-8.", "give a Jinja chat template.") from None
