"""The seam between the endpoint and an agent, wherever the agent runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from collm.models.config import Sampling
from collm.types import Action, History, Observation

Messages = Sequence[Mapping[str, str]]
"""A chat: ``role`` and ``content`` of each message."""

Tell = Callable[[str], None]
"""Told each piece of a reply as it is written."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How a reply is drawn.

    Attributes:
        seed: decides all its noise.
        changes: fields of the agent's own sampling that the request sets otherwise.
    """

    seed: int
    changes: Mapping[str, Any]

    def sampling(self, own: Sampling) -> Sampling:
        """The agent's own sampling with the request's changes; nobody gets longer replies than its own."""
        most = min(self.changes.get("max_tokens", own.max_tokens), own.max_tokens)
        return own.model_copy(update={**self.changes, "max_tokens": most})


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply and what it cost."""

    action: Action
    prompt_tokens: int
    completion_tokens: int


class Voice(Protocol):
    """One agent that speaks. Every method raises :class:`~collm.serve.refusals.RefusedError` if it cannot."""

    async def act(self, history: History, observation: Observation, draw: Draw, tell: Tell) -> Reply:
        """Answer an observation of the environment."""

    async def chat(self, messages: Messages, draw: Draw, tell: Tell) -> Reply:
        """Answer a chat."""

    async def go_on(self, text: str, draw: Draw, tell: Tell) -> Reply:
        """Continue a text, without any template."""

    async def check(self) -> None:
        """Find out whether the agent can be asked now."""

    async def close(self) -> None:
        """Give back what it holds."""
