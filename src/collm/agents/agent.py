"""An agent: a policy that acts and a learner that changes its weights, built from one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from functools import partial
from pathlib import Path

from collm.agents.config import AgentConfig
from collm.agents.context import Context
from collm.agents.learner import Learner, Step
from collm.agents.policy import TokenPolicy
from collm.agents.weights import open_weights, saved_source
from collm.base.seeding import derive
from collm.engines.base import Measured
from collm.engines.exactness import check_exact
from collm.engines.kind import EngineNeeds
from collm.models.backbone import Backbones
from collm.models.ends import end_ids
from collm.models.generation import generation_settings
from collm.models.loading import check_known, load_causal_model, load_tokenizer
from collm.types import Observation


class Agent:
    """One member of a team, in this process.

    Args:
        config: model, sampling, optimization.
        name: the agent's id, for errors.
        saved: a folder to take the weights from instead of ``config.model``, when resuming.
        seed: the run's.
        bases: loads the weights that roles share; the team's.

    Attributes:
        needs: what its engine was opened with.

    Raises:
        CollmError: if the model, the tokenizer or the chat template cannot be opened.
    """

    def __init__(
        self,
        config: AgentConfig,
        name: str,
        saved: Path | None = None,
        seed: int = 0,
        bases: Backbones | None = None,
    ) -> None:
        where, bases = f"agents.{name}", bases or Backbones()
        self.config, self.name = config, name
        context = Context(load_tokenizer(saved_source(config, saved), where), config, name)
        weights = open_weights(bases, config, where, saved, derive(seed, "adapter", name), load_causal_model)
        if config.frozen:
            for parameter in weights.parameters():
                parameter.requires_grad_(False)
        pad_id = context.tokenizer.pad_token_id
        with weights.model() as model:
            ends = end_ids(model, context.tokenizer, f"{where}.model", config.template_options)
            self._generation = deepcopy(model.generation_config)
        self._generation.update(**generation_settings(config.sampling, ends))
        longest = config.context + config.sampling.max_tokens
        rows, shared = config.batch_rows, bases.shared
        self.needs = EngineNeeds(name, weights, ends, pad_id, rows, config, longest, shared)
        self.policy = TokenPolicy(context, config.engine.open(self.needs), config.sampling)
        noise = derive(seed, "rounding", name)
        reference = partial(bases.base, config, where)
        self.learner = Learner(weights, reference, pad_id, config, noise, bases.peers)

    def shared_by(self, config: AgentConfig, name: str) -> Agent:
        """Another agent with the same policy and learner."""
        other = copy(self)
        other.config, other.name = config, name
        return other

    def update(self, step: Step) -> dict[str, float]:
        """Take one optimizer step, and let the engine draw with the new weights.

        Raises:
            CollmError: if the engine has drawn with other weights than were trained.
        """
        report = self.learner.update(step)
        engine, following = self.policy.engine, self.config.engine.following(self.config)
        if isinstance(engine, Measured):
            report |= engine.measures()
        if following is not None and "sampler_mismatch" in report:
            following.check(self.name, report["sampler_mismatch"], "over the replies of this update")
        engine.refresh(self.learner.version)
        return report

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        """Test that the agent can read the observations of an episode.

        Raises:
            CollmError: as :meth:`collm.agents.context.Context.read` tells, if the tokenizer is of another
                model, if the model's family cannot be served exactly, or if the engine does not draw with
                these weights.
        """
        context = self.policy.context
        ids = context.read(observations, place)
        where, longest = f"agents.{self.name}", self.config.context + self.config.sampling.max_tokens
        with self.learner.weights.model() as model:
            check_known(model, context.tokenizer, ids, where)
            check_exact(model, context.tokenizer.pad_token_id, where, longest)
        if isinstance(self.policy.engine, Measured):
            self.policy.engine.ready()

    def save(self, folder: Path) -> None:
        """Write an ordinary Hugging Face model or peft folder, which says how to sample from it."""
        self.learner.weights.save(folder)
        self._generation.save_pretrained(folder)
        self.policy.context.tokenizer.save_pretrained(folder)

    def save_optimizer(self, file: Path) -> None:
        self.learner.save_optimizer(file)

    def load_optimizer(self, file: Path) -> None:
        self.learner.load_optimizer(file)
        self.policy.engine.refresh(self.learner.version)
