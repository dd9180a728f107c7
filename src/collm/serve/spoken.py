"""What clients are answered: the shapes of completions and their chunks, as plain data."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

Kind = Literal["chat", "text"]
_OBJECTS = {
    "chat": ("chatcmpl", "chat.completion", "chat.completion.chunk"),
    "text": ("cmpl", "text_completion", "text_completion"),
}
"""How an id begins, and what an answer and a chunk of it are called."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished answer.

    Attributes:
        text: the whole answer.
        finish_reason: ``length`` if somebody was cut off.
        prompt_tokens, completion_tokens: by agent.
        turns: what each agent of a team replied, turn by turn; ``None`` for one agent.
    """

    text: str
    finish_reason: str
    prompt_tokens: Mapping[str, int]
    completion_tokens: Mapping[str, int]
    turns: Sequence[Mapping[str, str]] | None = None

    @property
    def usage(self) -> dict[str, int]:
        """The tokens of all agents together."""
        read, written = sum(self.prompt_tokens.values()), sum(self.completion_tokens.values())
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


@dataclass(frozen=True, slots=True)
class Shape:
    """One answer's id and kind, from which all its parts are made."""

    kind: Kind
    model: str
    id: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, outcome: Outcome) -> dict[str, Any]:
        """The answer in one piece; a team's has what each agent replied in ``message.collm``."""
        beyond = {} if outcome.turns is None else {"collm": {"turns": list(outcome.turns)}}
        message = {"role": "assistant", "content": outcome.text, "refusal": None, **beyond}
        content = {"message": message} if self.kind == "chat" else {"text": outcome.text}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": outcome.finish_reason}
        return {**self._head(1), "choices": [choice], "usage": outcome.usage}

    def first(self) -> dict[str, Any]:
        """The chunk that opens a stream."""
        return self._chunk({"role": "assistant", "content": ""}, "")

    def piece(self, text: str) -> dict[str, Any]:
        """A piece of the answer."""
        return self._chunk({"content": text}, text)

    def heard(self, agent: str, turn: int, step: int, text: str) -> dict[str, Any]:
        """A piece of what one agent of a team replies, beside an empty delta."""
        piece = {"agent": agent, "turn": turn, "step": step, "content": text}
        return {**self._chunk({}, ""), "collm": piece}

    def last(self, outcome: Outcome) -> dict[str, Any]:
        """The chunk that says why the answer ended."""
        return self._chunk({}, "", outcome.finish_reason)

    def counted(self, outcome: Outcome) -> dict[str, Any]:
        """The chunk without choices that counts tokens."""
        return {**self._head(2), "choices": [], "usage": outcome.usage}

    def _chunk(self, delta: Mapping[str, str], text: str, reason: str | None = None) -> dict[str, Any]:
        content: dict[str, Any] = {"delta": delta} if self.kind == "chat" else {"text": text}
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": reason}
        return {**self._head(2), "choices": [choice]}

    def _head(self, place: int) -> dict[str, Any]:
        names = _OBJECTS[self.kind]
        return {
            "id": f"{names[0]}-{self.id}",
            "object": names[place],
            "created": self.created,
            "model": self.model,
        }


def event(data: Mapping[str, Any] | str) -> bytes:
    """One event of a stream, in ASCII, so that no text of a model can end it."""
    text = data if isinstance(data, str) else json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()
