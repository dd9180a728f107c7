"""What endpoints answer. A field that is missing or of the wrong kind makes an answer unreadable."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, FiniteFloat, model_validator

from collm.types import FinishReason

_Id = Annotated[int, Field(ge=0, lt=2**31)]


class Model(BaseModel):
    """One model that an endpoint serves; ``parent`` is the base of an adapter."""

    id: str
    parent: str | None = None


class Models(BaseModel):
    """All models that an endpoint serves."""

    data: list[Model]


class _Choice(BaseModel):
    finish_reason: str

    @property
    def reason(self) -> FinishReason:
        return "length" if self.finish_reason == "length" else "stop"


class _Message(BaseModel):
    content: str | None = None


class ChatChoice(_Choice):
    """A reply to messages."""

    message: _Message

    @property
    def said(self) -> str:
        """Its text; none counts as an empty one."""
        return self.message.content or ""


class TextChoice(_Choice):
    """A text that goes on with another."""

    text: str

    @property
    def said(self) -> str:
        """The text."""
        return self.text


class _Logprobs(BaseModel):
    token_logprobs: list[FiniteFloat]


class DrawnChoice(_Choice):
    """Tokens that go on with others."""

    token_ids: Annotated[list[_Id], Field(min_length=1)]
    logprobs: _Logprobs

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        tokens, logprobs = len(self.token_ids), len(self.logprobs.token_logprobs)
        if tokens != logprobs:
            raise ValueError(f"{tokens} tokens have {logprobs} log-probabilities")
        return self


class ChatAnswer(BaseModel):
    """Of ``/chat/completions``."""

    choices: Annotated[list[ChatChoice], Field(min_length=1)]


class TextAnswer(BaseModel):
    """Of ``/completions``."""

    choices: Annotated[list[TextChoice], Field(min_length=1)]


class DrawnAnswer(BaseModel):
    """Of ``/completions`` with ``return_token_ids``."""

    choices: Annotated[list[DrawnChoice], Field(min_length=1)]
