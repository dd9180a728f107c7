"""What clients ask for: every field is honored, without effect, or refused."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collm.models.config import COLDEST
from collm.serve.refusals import RefusedError
from collm.serve.voice import Draw

AskedT = TypeVar("AskedT", bound="_Asked")


class _Part(BaseModel):
    """A part of a message; only texts are read."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message of a chat; what else clients send back with it, such as ``refusal``, says nothing."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    @property
    def plain(self) -> dict[str, str]:
        """The role, which templates know, and the text."""
        parts = self.content
        text = parts if isinstance(parts, str) else "".join(part.text for part in parts)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class StreamOptions(BaseModel):
    """Whether the last chunk counts tokens."""

    include_usage: bool = False
    include_obfuscation: bool = False


class _Asked(BaseModel):
    """What both kinds of requests share."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=1000)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    n: Literal[1] | None = 1
    frequency_penalty: Literal[0] | None = None
    presence_penalty: Literal[0] | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None

    @field_validator("temperature")
    @classmethod
    def _not_too_cold(cls, value: float | None) -> float | None:
        return value if not value else max(value, COLDEST)

    @property
    def draw(self) -> Draw:
        """How to draw; without a seed of the client's, every answer has one of its own."""
        settings = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "max_tokens": self.longest,
        }
        changes = {name: value for name, value in settings.items() if value is not None}
        return Draw(secrets.randbits(63) if self.seed is None else self.seed, changes)

    @property
    def longest(self) -> int | None:
        """The most tokens that the client wants."""
        return self.max_tokens

    @property
    def counts(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatAsked(_Asked):
    """A request to ``/v1/chat/completions``."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: Literal[False] | None = None
    response_format: Mapping[Literal["type"], Literal["text"]] | None = None
    store: Literal[False] | None = None
    protocol: str | None = None

    @property
    def longest(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def chat(self) -> list[dict[str, str]]:
        """The messages as plain data."""
        return [message.plain for message in self.messages]


class TextAsked(_Asked):
    """A request to ``/v1/completions``: one text to go on with."""

    prompt: str


def read(cls: type[AskedT], body: bytes) -> AskedT:
    """A request of a body that may be anything.

    Raises:
        RefusedError: if it is no request that can be answered.
    """
    try:
        return cls.model_validate_json(body)
    except ValidationError as error:
        raise _misfit(error) from None


def _misfit(error: ValidationError) -> RefusedError:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))
    if not field:
        return RefusedError(400, f"the body is no JSON object: {first['msg']}.", "invalid_json")
    if first["type"] == "extra_forbidden":
        return RefusedError(400, f"{field} is not supported here.", "unsupported_parameter", field)
    if first["type"] == "literal_error":
        return RefusedError(400, f"{field}: {first['msg']}.", "unsupported_value", field)
    return RefusedError(400, f"{field}: {first['msg']}.", "invalid_value", field)
