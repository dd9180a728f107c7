"""Rolls out an environment of verifiers on written replies; importing this module needs verifiers."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from collm.errors import CollmError, InfrastructureError
from collm.types import Observation

_Client: Any = importlib.import_module("verifiers.clients").Client
_types: Any = importlib.import_module("verifiers.types")
_OverlongPromptError: Any = importlib.import_module("verifiers.errors").OverlongPromptError


@dataclass(frozen=True, slots=True)
class Rollout:
    """What came of the replies.

    Attributes:
        shown: what the agent was given to read, turn by turn; one more than the replies unless it is over.
        reward: the rubric's.
        metrics: the rubric's, by the names of its functions; none before the first reply.
    """

    shown: tuple[Observation, ...]
    reward: float
    metrics: Mapping[str, float]

    def seen_at(self, turn: int) -> Observation | None:
        """What was given to read at a turn; ``None``: it was over."""
        return self.shown[turn] if turn < len(self.shown) else None


class Script(_Client):
    """A model whose replies are written down. When they run out, it says that its context is full.

    That is the one way to end a rollout early which verifiers counts as no error, so that it cleans up.
    """

    def __init__(self, replies: Sequence[str]) -> None:
        super().__init__(None)
        self._replies = replies
        self.shown: list[Observation] = []

    async def get_response(
        self, prompt: Any, model: str, sampling_args: Any, tools: Any = None, **others: Any
    ) -> Any:
        if tools:
            problem = "the environment offers tools, and replies are texts."
            raise CollmError("env.game", problem, "take an environment without tools.")
        turn = len(self.shown)
        self.shown.append(_observed(prompt, first=not turn))
        if turn >= len(self._replies):
            raise _OverlongPromptError
        message = _types.ResponseMessage(
            content=self._replies[turn], finish_reason="stop", is_truncated=False
        )
        return _types.Response(id=str(turn), created=0, model=model, message=message)

    def setup_client(self, config: Any) -> None:
        """Nothing: there is no server."""

    async def close(self) -> None:
        """Nothing: there is no connection."""

    async def _unused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    to_native_tool = to_native_prompt = get_native_response = _unused
    raise_from_native_response = from_native_response = _unused


def roll_out(game: Any, row: Mapping[str, Any], replies: Sequence[str]) -> Rollout:
    """Roll a row out on replies, and score it if there are any.

    A thread of its own runs it, since the caller may be inside an event loop already, as in a notebook.

    Raises:
        CollmError: if what it shows is not text.
        InfrastructureError: if it says that it broke.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _rolled_out(game, row, replies)).result()


async def _rolled_out(game: Any, row: Mapping[str, Any], replies: Sequence[str]) -> Rollout:
    script = Script(replies)
    state = await game.rollout(dict(row), script, "replies", {})
    if state.get("error") is not None or state.get("timed_out"):
        raise InfrastructureError(f"the rollout broke: {state.get('error') or 'it took too long'!r}")
    if not replies:
        return Rollout(tuple(script.shown), 0.0, {})
    await game.rubric.score_rollout(state)
    await game.rubric.cleanup(state)
    return Rollout(tuple(script.shown), state["reward"], dict(state["metrics"]))


def _observed(prompt: Sequence[Any], first: bool) -> Observation:
    """The messages since the last reply; at the first turn all, of which system messages are set apart."""
    own = [number for number, message in enumerate(prompt) if message.role == "assistant"]
    news = prompt if first or not own else prompt[own[-1] + 1 :]
    system = [_text(message) for message in news if message.role == "system"]
    texts = [_with_role(message) for message in news if message.role != "system"]
    return Observation("\n\n".join(texts), "\n\n".join(system) or None)


def _with_role(message: Any) -> str:
    """A message, under its role where that is not the plain one."""
    text = _text(message)
    return text if message.role in ("user", "text") else f"{message.role}: {text}"


def _text(message: Any) -> str:
    content = message.content or ""
    parts = [content] if isinstance(content, str) else [_part(part) for part in content]
    return "\n".join(parts)


def _part(part: Any) -> str:
    text = part.get("text") if part.get("type") == "text" else None
    if not isinstance(text, str):
        problem = f"the environment shows {part.get('type')}, and agents read text."
        raise CollmError("env.game", problem, "take an environment of texts.")
    return text
