"""Histories as endpoints take them: messages of a chat, or texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from collm.agents.config import AgentConfig
from collm.agents.context import RAW_SEPARATOR
from collm.agents.policy import Actions, Request
from collm.engines.base import Deferred, Pending
from collm.engines.http.answers import ChatAnswer, ChatChoice, TextAnswer, TextChoice
from collm.engines.http.asking import Asked
from collm.engines.http.drawing import name_of, settings
from collm.engines.http.engine import endpoint_of
from collm.engines.kinds.http import HttpKind
from collm.errors import CollmError
from collm.types import Action, History, Observation


class SpokenPolicy:
    """Sends histories as messages, or as texts where all observations are raw; replies have no tokens."""

    def __init__(self, kind: HttpKind, config: AgentConfig, agent: str) -> None:
        self._kind, self._config, self._agent = kind, config, agent
        self._endpoint = endpoint_of(kind, agent)

    @cached_property
    def model_name(self) -> str:
        """What the endpoint calls the agent."""
        return self._kind.model_name or name_of(self._endpoint, self._agent)

    def submit(
        self, requests: Sequence[Request], greedy: bool = False, keep: bool = False
    ) -> Pending[Actions]:
        sampling = self._config.sampling
        if greedy:
            sampling = sampling.model_copy(update={"temperature": 0.0})
        calls = [
            partial(self._action, request, {**settings(sampling, seed), "model": self.model_name})
            for request in requests
            for seed in request.seeds
        ]
        asked = Asked(calls, self._kind.together)

        def wait() -> Actions:
            rest = iter(asked.result())
            return [tuple(next(rest) for _ in request.seeds) for request in requests]

        return Deferred(wait)

    def release(self) -> None:
        """What the endpoint keeps is its own business."""

    def _action(self, request: Request, settings: Mapping[str, Any]) -> Action:
        history = request.history if self._config.history == "full" else History()
        raw = {one.raw for one in (*history.observations, request.observation)}
        if raw == {True, False}:
            problem = "the agent reads chat and raw text in one history, which no endpoint takes."
            raise CollmError(self._endpoint.where, problem, "set prompts to ids, or load the agent here.")
        reply: TextChoice | ChatChoice
        if raw == {True}:
            body = {**settings, "prompt": as_text(history, request.observation)}
            reply = self._endpoint.ask("/completions", body, TextAnswer).choices[0]
        else:
            body = {**settings, "messages": as_messages(history, request.observation)}
            reply = self._endpoint.ask("/chat/completions", body, ChatAnswer).choices[0]
        return Action(reply.said, finish_reason=reply.reason)


def as_text(history: History, observation: Observation) -> str:
    """A history of raw observations as the text that an agent of this process would go on with."""
    pairs = zip(history.observations, history.actions, strict=True)
    turns = (f"{seen.text}{done.text}" for seen, done in pairs)
    return RAW_SEPARATOR.join([*turns, observation.text])


def as_messages(history: History, observation: Observation) -> list[dict[str, str]]:
    """A history as the messages of a chat."""
    seen = (*history.observations, observation)
    messages = [] if seen[0].system is None else [{"role": "system", "content": seen[0].system}]
    for number, one in enumerate(seen):
        messages.append({"role": "user", "content": one.text})
        if number < len(history.actions):
            messages.append({"role": "assistant", "content": history.actions[number].text})
    return messages
