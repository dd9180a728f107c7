"""What all writing environments share: one turn, texts side by side, one reward for how they fit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from collm.data.rows import is_file_name, select
from collm.data.tasks import load_tasks
from collm.env import Environment, Split, StepSeconds, Transition
from collm.envs.writing.marks import marks
from collm.envs.writing.readings import Readings, Variant
from collm.envs.writing.reward import (
    OutOfRange,
    Plateau,
    Rules,
    TransitionFormula,
    TransitionScope,
    Weights,
    score_texts,
)
from collm.errors import CollmError
from collm.types import Observation, Observations

_OPTIONS = (
    "token_gate",
    "stop_words_in_vocabulary",
    "whole_words",
    "transition_formula",
    "transition_scope",
)


@dataclass(frozen=True, slots=True)
class Source:
    """One task: a text that all agents read."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class WritingState:
    """The source, and the texts once they are written."""

    source: Source
    texts: tuple[tuple[str, str], ...] = ()


class Writing(Environment[Source, WritingState]):
    """Base of the writing environments; ``variant`` names the reading of the reward.

    An option that is ``None`` takes the value of the variant's :class:`~collm.envs.writing.readings.Reading`:

    ============================  =========================  =========================
    option                        ``paper`` (appendix F.1)   ``reference``
    ============================  =========================  =========================
    ``token_gate``                false: any token will do   true: ``token_range``
    ``stop_words_in_vocabulary``  false                      true
    ``whole_words``               true                       false: "was" has "as"
    ``transition_formula``        ``logarithmic``            ``linear``
    ``transition_scope``          ``each`` text              ``last`` (tldr), ``joined``
    ``prompts``                   appendix E.1               the reference code's
    slices of a hub dataset       1000 train, the next 100   1100 of each of two splits
    ============================  =========================  =========================

    The paper gives neither weights nor the gate's fate: both readings use the reference's, so a level
    out of range adds 0 and ends the scoring, and earlier levels stand (``out_of_range: keep``;
    ``forfeit`` makes the whole reward 0). Lengths are characters, logarithms natural.

    Attributes:
        dataset: ``embedded`` for our own texts, a file, or an id on the Hugging Face hub.
        train, test: slices such as ``:8``; for the hub with a split's name, such as ``train[:1000]``.
        token_range: fewest and most tokens (between white space) of a text, inclusive.
        length_ratio: fitting ratios of characters from one text to the next.
        vocabulary_ratio: fitting ratios of the numbers of different words.
        jaccard_cap: shared words, as a share of all, that earn full credit.
        weights: what each level is worth.
    """

    headline: ClassVar[tuple[str, ...]] = ("score", "length_ratio", "transition_categories")
    column: ClassVar[str]

    num_turns: Literal[1] = 1
    step_seconds: StepSeconds = None
    variant: Variant = "paper"
    dataset: str = "embedded"
    train: str | None = None
    test: str | None = None
    prompts: Variant | None = None
    token_gate: bool | None = None
    token_range: tuple[int, int]
    length_ratio: Plateau
    vocabulary_ratio: Plateau
    stop_words_in_vocabulary: bool | None = None
    jaccard_cap: float = Field(gt=0)
    whole_words: bool | None = None
    transition_formula: TransitionFormula | None = None
    transition_scope: TransitionScope | None = None
    out_of_range: OutOfRange = "keep"
    weights: Weights = Weights()

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The names of the texts that are scored, in order."""

    @property
    @abstractmethod
    def readings(self) -> Readings:
        """What either variant decides."""

    @abstractmethod
    def _embedded(self, split: Split) -> Sequence[str]:
        """The sources that ship with the package."""

    def _texts(self, replies: Mapping[str, str]) -> Mapping[str, str]:
        """The texts to score, by name."""
        return {name: replies[name] for name in self.texts}

    def _prompts(self, source: str) -> Mapping[str, str]:
        """What each agent reads."""
        return self.readings[self.prompts or self.variant].prompts(source)

    @property
    def rules(self) -> Rules:
        """The reward's constants, with the variant's where none is set."""
        own = {name: getattr(self, name) for name in _OPTIONS}
        reading = replace(
            self.readings[self.variant], **{name: value for name, value in own.items() if value is not None}
        )
        return Rules(
            **{name: getattr(reading, name) for name in _OPTIONS},
            token_range=self.token_range,
            length_ratio=self.length_ratio,
            vocabulary_ratio=self.vocabulary_ratio,
            jaccard_cap=self.jaccard_cap,
            out_of_range=self.out_of_range,
            weights=self.weights,
        )

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, self.rules.best

    def tasks(self, split: Split) -> Sequence[Source]:
        cut = self.train if split == "train" else self.test
        if self.dataset == "embedded":
            sources = [Source(f"{split}_{n:04d}", text) for n, text in enumerate(self._embedded(split))]
            return select(sources, cut, f"env.{split}")
        if cut is None and not is_file_name(self.dataset):
            cut = self.readings[self.variant].hub_splits[0 if split == "train" else 1]
        return load_tasks(self.dataset, self.parse_task, split, cut, columns=(self.column,))

    def parse_task(self, row: Mapping[str, Any], where: str) -> Source:
        text = row.get(self.column)
        if not isinstance(text, str) or not text.strip():
            problem = "this field must be a text that is not blank."
            raise CollmError(f"{where}.{self.column}", problem, "write the source text there.")
        named = (str(row[key]) for key in ("id", "task_id", "article_id") if row.get(key) is not None)
        return Source(next(filter(None, named), where), text)

    def task_of(self, text: str) -> Source:
        return self.parse_task({self.column: text}, "task")

    def reset(self, task: Source, seed: int) -> WritingState:
        return WritingState(task)

    def observe(self, state: WritingState) -> Observations:
        prompts = self._prompts(state.source.text)
        return {agent: Observation(prompts[agent], raw=True) for agent in self.agents}

    def step(self, state: WritingState, replies: Mapping[str, str]) -> Transition[WritingState]:
        texts = self._texts(replies)
        score = score_texts(texts, self.rules)
        return Transition(
            state=WritingState(state.source, tuple(texts.items())),
            reward=score.reward,
            components=score.components,
            metrics=score.metrics,
            terminated=True,
        )

    def compose(self, task: Source, turns: Sequence[Mapping[str, str]]) -> str:
        """The replies one after the other, as one document."""
        return "\n\n".join(turns[-1][agent].strip() for agent in self.agents)

    def panel(self, task: Source, turns: Sequence[Mapping[str, str]]) -> Mapping[str, Any] | None:
        """The words that the reward counts: a panel of the kind ``marks``."""
        if not turns:
            return None
        return marks(self._texts({agent: turns[-1].get(agent, "") for agent in self.agents}), self.rules)

    @field_validator("token_range")
    @classmethod
    def _in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1]:
            raise ValueError("write it as [fewest, most] with fewest at least 1")
        return value
