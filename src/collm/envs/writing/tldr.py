"""TL;DR: two agents summarize one post, briefly and in detail (paper section 5.1, E.1, F.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from collm.env import Split
from collm.envs.writing.pair import PairWriting
from collm.envs.writing.posts import embedded_posts
from collm.envs.writing.prompts import Variant, single_tldr_prompt, tldr_prompts
from collm.envs.writing.reward import Plateau, TransitionScope


class TLDR(PairWriting):
    """The elaboration should be 1.6-3.2 times as long as the summary, with twice its different words.

    The options and both readings are those of :class:`~collm.envs.writing.base.Writing`. The column is
    ``prompt``; the real data are ``dataset: trl-lib/tldr``. The reward never reads the post.
    """

    column: ClassVar[str] = "prompt"
    hub_splits: ClassVar[Mapping[Variant, tuple[str, str]]] = {
        "paper": ("train[:1000]", "train[1000:1100]"),
        "reference": ("train[:1100]", "test[:1100]"),
    }
    reference_scope: ClassVar[TransitionScope] = "last"

    type: Literal["tldr"] = "tldr"
    token_range: tuple[int, int] = (8, 256)
    length_ratio: Plateau = Plateau(low=1.1, full_from=1.6, full_to=3.2, high=5.0)
    vocabulary_ratio: Plateau = Plateau(low=1.3, full_from=2.0)
    jaccard_cap: float = Field(default=0.03, gt=0)

    @property
    def texts(self) -> tuple[str, ...]:
        return "summary", "elaboration"

    def _pair_prompts(self, source: str, wording: Variant) -> Mapping[str, str]:
        return tldr_prompts(source, wording)

    def _single_prompt(self, source: str) -> str:
        return single_tldr_prompt(source)

    def _embedded(self, split: Split) -> Sequence[str]:
        return [post.text for post in embedded_posts(split)]
