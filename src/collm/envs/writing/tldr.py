"""TL;DR: two agents summarize one post, briefly and in detail (paper section 5.1, E.1, F.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from collm.env import Split
from collm.envs.writing.informed_prompts import informed_tldr_prompt
from collm.envs.writing.pair import PairWriting
from collm.envs.writing.posts import embedded_posts
from collm.envs.writing.prompts import paper_tldr_prompts, reference_tldr_prompts, single_tldr_prompt
from collm.envs.writing.readings import Readings, readings
from collm.envs.writing.reward import Plateau

_READINGS = readings(paper_tldr_prompts, reference_tldr_prompts, scope="last", test="test[:1100]")


class TLDR(PairWriting):
    """The elaboration should be 1.6-3.2 times as long as the summary, with twice its different words.

    The options and both readings are those of :class:`~collm.envs.writing.base.Writing`. The column is
    ``prompt``; the real data are ``dataset: trl-lib/tldr``. The reward never reads the post.
    """

    column: ClassVar[str] = "prompt"

    type: Literal["tldr"] = "tldr"
    token_range: tuple[int, int] = (8, 256)
    length_ratio: Plateau = Plateau(low=1.1, full_from=1.6, full_to=3.2, high=5.0)
    vocabulary_ratio: Plateau = Plateau(low=1.3, full_from=2.0)
    jaccard_cap: float = Field(default=0.03, gt=0)

    @property
    def texts(self) -> tuple[str, ...]:
        return "summary", "elaboration"

    @property
    def readings(self) -> Readings:
        return _READINGS

    def _informed_prompt(self, source: str, agent: str, texts: Mapping[str, str]) -> str | None:
        return informed_tldr_prompt(source, agent, texts)

    def _single_prompt(self, source: str) -> str:
        return single_tldr_prompt(source)

    def _embedded(self, split: Split) -> Sequence[str]:
        return [post.text for post in embedded_posts(split)]
