"""Configuration of agents and critics."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_serializer

from collm.base.registry import type_of
from collm.engines.kind import EngineKind, make_engine_kind
from collm.engines.kinds.in_process import InProcessKind
from collm.models.config import ModelConfig, Sampling


class AgentConfig(ModelConfig):
    """One agent.

    Attributes:
        chat_template: a Jinja file that replaces the tokenizer's own template.
        template_options: passed to the template, such as ``enable_thinking: false``.
        history: ``full`` conditions on the whole history (paper section 4.1), ``turn`` on the current
            observation alone, as the reference code does.
        batch_rows: samples decoded together; bounds memory, not results.
        engine: what draws its actions, by ``type``.
        keep_cache: keep keys and values between turns instead of encoding the history again.
        frozen: it plays and never learns; it has no optimizer.
        shares: the agent whose policy this one plays and trains too: one set of weights, one optimizer. All
            other settings are that agent's.
    """

    sampling: Sampling = Sampling()
    chat_template: str | None = None
    template_options: dict[str, bool | str | int] = Field(default_factory=dict)
    history: Literal["full", "turn"] = "full"
    batch_rows: int = Field(default=256, ge=1, le=10**9)
    engine: Annotated[EngineKind, PlainValidator(make_engine_kind)] = InProcessKind()
    keep_cache: bool = True
    frozen: bool = False
    shares: str | None = None

    @field_serializer("engine")
    def _with_a_type_to_find_it_by(self, engine: EngineKind) -> dict[str, Any]:
        return {**engine.model_dump(mode="json"), "type": type_of(engine)}

    @property
    def keeps_cache(self) -> bool:
        """Whether a later turn has use for the keys and values of this one."""
        return self.keep_cache and self.history == "full"


class CriticConfig(ModelConfig):
    """A language model with a value head.

    Attributes:
        global_information: whether it reads ``m_t`` (paper appendix E.3); the release has none.
        scaled_targets: start at the first targets' mean and learn in units of their running deviation,
            for returns that are large or far from 0.
    """

    global_information: bool = True
    scaled_targets: bool = False
