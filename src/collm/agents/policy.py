"""What a rollout needs of an agent: actions for histories. It has a context and an engine, and no learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from collm.agents.context import Context
from collm.engines.base import Completion, Deferred, Engine, Pending, Prompt
from collm.models.config import Sampling
from collm.types import Action, History, Ids, Observation

Actions = list[tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Request:
    """Actions to draw at one history.

    Attributes:
        history: what came before.
        observation: what the agent sees now.
        seeds: one for each action to draw.
    """

    history: History
    observation: Observation
    seeds: tuple[int, ...]


class Policy(Protocol):
    """Answers observations; the whole of what an environment meets of an agent."""

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Pending[Actions]:
        """Ask for actions, a tuple for each request.

        Args:
            greedy: take the most likely tokens instead of drawing.
            keep: whether later requests may go on from these.
        """

    def release(self) -> None:
        """Forget what was kept."""


class TokenPolicy:
    """A policy of token ids: its context makes the prompts, its engine completes them."""

    def __init__(self, context: Context, engine: Engine, sampling: Sampling) -> None:
        self.context, self.engine, self._sampling = context, engine, sampling

    def submit(
        self, requests: Sequence[Request], greedy: bool = False, keep: bool = False
    ) -> Pending[Actions]:
        sampling = self._sampling
        if greedy:
            sampling = sampling.model_copy(update={"temperature": 0.0})
        prompts = [self._prompt(request) for request in requests]
        pending = self.engine.submit(prompts, sampling, keep and self.context.extends)
        return Deferred(lambda: self._actions(prompts, pending.result()))

    def release(self) -> None:
        self.engine.release()

    def _prompt(self, request: Request) -> Prompt:
        ids, known = self.context.prompt(request.history, request.observation)
        return Prompt(ids, request.seeds, known)

    def _actions(self, prompts: Sequence[Prompt], completions: Sequence[tuple[Completion, ...]]) -> Actions:
        return [
            tuple(self._action(prompt.token_ids, completion) for completion in own)
            for prompt, own in zip(prompts, completions, strict=True)
        ]

    def _action(self, prompt_ids: Ids, drawn: Completion) -> Action:
        return Action(
            text=self.context.text(drawn.token_ids),
            prompt_ids=prompt_ids,
            token_ids=drawn.token_ids,
            token_logprobs=drawn.token_logprobs,
            finish_reason=drawn.finish_reason,
            version=drawn.version,
        )


def named(actions: Sequence[Action], path: Sequence[int], first: int, agent: str) -> tuple[Action, ...]:
    """Actions drawn at one history, each with an id of its own in the tree.

    Args:
        path: the branches that lead to the history.
        first: the number of the first action among all that were drawn there.
    """
    place = "".join(f"{branch}." for branch in path)
    return tuple(replace(action, id=f"{place}{k}/{agent}") for k, action in enumerate(actions, first))
