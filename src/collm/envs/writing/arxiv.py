"""arXiv: two agents expand one abstract into an introduction, each writing its half.

The paper does not treat it; its reference code ships it beside ``tldr``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from collm.env import Split
from collm.envs.writing.abstracts import embedded_abstracts
from collm.envs.writing.informed_prompts import informed_arxiv_prompt
from collm.envs.writing.pair import PairWriting
from collm.envs.writing.prompts import arxiv_prompts, single_arxiv_prompt
from collm.envs.writing.readings import Readings, readings
from collm.envs.writing.reward import Plateau

_READINGS = readings(arxiv_prompts, arxiv_prompts, scope="joined", test="val[:1100]")


class Arxiv(PairWriting):
    """The method should be 1.3-1.6 times as long as the background, with about as many different words.

    The options and both readings are those of :class:`~collm.envs.writing.base.Writing`; the ``paper``
    one applies what the paper says of ``tldr``. The column is ``abstract_text``; the real data are
    ``dataset: OpenMLRL/arXiv_abstract``. The reward never reads the abstract.
    """

    column: ClassVar[str] = "abstract_text"

    type: Literal["arxiv"] = "arxiv"
    token_range: tuple[int, int] = (128, 256)
    length_ratio: Plateau = Plateau(low=0.8, full_from=1.3, full_to=1.6, high=2.0)
    vocabulary_ratio: Plateau = Plateau(low=0.5, full_from=0.7, full_to=1.3, high=1.7)
    jaccard_cap: float = Field(default=0.23, gt=0)

    @property
    def texts(self) -> tuple[str, ...]:
        return "background", "method"

    @property
    def readings(self) -> Readings:
        return _READINGS

    def _informed_prompt(self, source: str, agent: str, texts: Mapping[str, str]) -> str | None:
        return informed_arxiv_prompt(self._prompts(source)[agent], agent, texts)

    def _single_prompt(self, source: str) -> str:
        return single_arxiv_prompt(source)

    def _embedded(self, split: Split) -> Sequence[str]:
        return embedded_abstracts(split)
