"""Sections: any number of agents, from two, each write one section of a document. Our own task."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from collm.env import Split
from collm.envs.writing.abstracts import embedded_abstracts
from collm.envs.writing.base import Writing
from collm.envs.writing.prompts import section_prompts
from collm.envs.writing.readings import Readings, readings
from collm.envs.writing.reward import Plateau


class Sections(Writing):
    """Neighbouring sections should be alike in length and richness, and share some words.

    The reward is that of :class:`~collm.envs.writing.base.Writing` over neighbours: credit is their
    mean, and all of them must lie in range to reach the next level. The prompts have one wording. The
    column is ``abstract_text``, as in ``arxiv``.

    Attributes:
        sections: what each agent writes about, by agent, in the document's order.
    """

    column: ClassVar[str] = "abstract_text"

    type: Literal["sections"] = "sections"
    sections: dict[str, str] = Field(
        default={
            "background": "the background and the motivation",
            "method": "the method and how it was tested",
            "implications": "the results and their implications",
        },
        min_length=2,
    )
    token_range: tuple[int, int] = (8, 256)
    length_ratio: Plateau = Plateau(low=0.5, full_from=0.8, full_to=1.25, high=2.0)
    vocabulary_ratio: Plateau = Plateau(low=0.5, full_from=0.7, full_to=1.3, high=1.7)
    jaccard_cap: float = Field(default=0.1, gt=0)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self.sections)

    @property
    def agents(self) -> tuple[str, ...]:
        return self.texts

    @property
    def readings(self) -> Readings:
        prompts = partial(section_prompts, sections=self.sections)
        return readings(prompts, prompts, scope="joined", test="val[:1100]")

    def _embedded(self, split: Split) -> Sequence[str]:
        return embedded_abstracts(split)
