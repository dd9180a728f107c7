"""Writing for two texts: an agent for each, or a single agent that writes both as two paragraphs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from pydantic import field_validator

from collm.env import remade
from collm.envs.writing.base import Writing, WritingState
from collm.envs.writing.paragraphs import two_paragraphs
from collm.types import Observation

WRITER = "writer"


class PairWriting(Writing):
    """Base of the environments that score two texts.

    Attributes:
        num_agents: 2, or 1 for a single ``writer`` whose reply is cut into the two texts.
    """

    num_agents: int = 2

    @field_validator("num_agents")
    @classmethod
    def _one_or_two(cls, value: int) -> int:
        if value not in (1, 2):
            raise ValueError("must be 1 or 2; use type: sections for more")
        return value

    @property
    def agents(self) -> tuple[str, ...]:
        return self.texts if self.num_agents == 2 else (WRITER,)

    def observe_replies(
        self, state: WritingState, agent: str, replies: Mapping[str, str]
    ) -> Observation | None:
        if self.num_agents == 1:
            return None
        text = self._informed_prompt(state.source.text, agent, replies)
        return None if text is None else Observation(text, raw=True)

    def for_one_agent(self) -> PairWriting:
        return remade(self, num_agents=1)

    def _texts(self, replies: Mapping[str, str]) -> Mapping[str, str]:
        if self.num_agents == 2:
            return super()._texts(replies)
        return dict(zip(self.texts, two_paragraphs(replies[WRITER]), strict=True))

    def _prompts(self, source: str) -> Mapping[str, str]:
        if self.num_agents == 2:
            return super()._prompts(source)
        return {WRITER: self._single_prompt(source)}

    @abstractmethod
    def _informed_prompt(self, source: str, agent: str, texts: Mapping[str, str]) -> str | None:
        """What one of two writers reads that may see texts of this turn; ``None``: neutral words."""

    @abstractmethod
    def _single_prompt(self, source: str) -> str:
        """What the single writer reads."""
