"""Configuration of agents and critics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from collm.models.config import ModelConfig, Sampling


class AgentConfig(ModelConfig):
    """One agent.

    Attributes:
        chat_template: a Jinja file that replaces the tokenizer's own template.
        template_options: passed to the template, such as ``enable_thinking: false``.
        history: ``full`` conditions on the whole history (paper section 4.1), ``turn`` on the current
            observation alone, as the reference code does.
        batch_rows: samples decoded together; bounds memory, not results.
        keep_cache: keep keys and values between turns instead of encoding the history again.
    """

    sampling: Sampling = Sampling()
    chat_template: str | None = None
    template_options: dict[str, bool | str | int] = Field(default_factory=dict)
    history: Literal["full", "turn"] = "full"
    batch_rows: int = Field(default=256, ge=1, le=10**9)
    keep_cache: bool = True

    @property
    def keeps_cache(self) -> bool:
        """Whether a later turn has use for the keys and values of this one."""
        return self.keep_cache and self.history == "full"


class CriticConfig(ModelConfig):
    """A language model with a value head.

    Attributes:
        global_information: whether it reads ``m_t`` (paper appendix E.3); the release has none.
    """

    global_information: bool = True
