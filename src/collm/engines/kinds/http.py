"""An endpoint that owns the agent's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm.engines.kind import EngineKind, EngineNeeds
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.engines.base import Engine


class HttpKind(EngineKind):
    """An OpenAI-style endpoint plays the agent; nothing of it is loaded here, and nothing trains it.

    Attributes:
        url: such as ``http://host:8000/v1``.
        model_name: what the endpoint calls it; ``None`` for ``team/NAME``, ``NAME``, or its only model.
        prompts: ``text`` sends messages, or texts where observations are raw; ``ids`` sends the token ids of
            the agent's own tokenizer and template, and takes token ids with log-probabilities back, as vLLM
            offers it.
        seconds: how long one answer may take.
        attempts: how often a request is tried.
        together: requests under way at a time.
    """

    type: Literal["http"] = "http"
    url: str = Field(pattern=r"^https?://")
    model_name: str | None = None
    prompts: Literal["text", "ids"] = "text"
    seconds: float = Field(default=120.0, gt=0)
    attempts: int = Field(default=3, ge=1, le=100)
    together: int = Field(default=16, ge=1, le=1024)

    def check_trains(self, agent: str) -> None:
        """Refuse: it does not."""
        problem = "an endpoint plays an agent whose weights are its own: nothing here can train them."
        mend = "use in_process or vllm to train; collm eval and collm serve take http."
        raise CollmError(f"agents.{agent}.engine.type", problem, mend)

    def open(self, needs: EngineNeeds) -> Engine:
        self.check_trains(needs.agent)
        raise AssertionError
