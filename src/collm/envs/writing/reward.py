"""The writing reward: texts written side by side climb four levels, each of which may end the climb.

=============  ======  =========================================================================
level          weight  what it measures
=============  ======  =========================================================================
structure      0.5     every text has a fitting number of tokens
coordination   1.0     each text is longer than the one before it by a fitting ratio of characters
vocabulary     0.5     and has more different words by a fitting ratio
style          1.0     transition words (0.4) and words shared with the text before (0.6)
=============  ======  =========================================================================

Paper appendix F.1, completed by its reference code where it is silent: the weights, the order of the
levels, and that a level outside its range ends the scoring but keeps what came before. With more than
two texts, ratios and shared words are means over neighbours, and all of them must lie in range to go on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

from pydantic import Field, model_validator

from collm.base.settings import Settings
from collm.envs.writing.texts import jaccard, token_count, transitions, vocabulary

LEVELS = ("structure", "coordination", "vocabulary", "style")
TransitionFormula = Literal["logarithmic", "linear"]
TransitionScope = Literal["each", "joined", "last"]
OutOfRange = Literal["keep", "forfeit"]
_CATEGORIES = 12


class Plateau(Settings):
    """A range of ratios: full credit on a plateau, falling in a straight line to 0 at its ends.

    Attributes:
        low, high: outside of these the level fails; without ``high`` it never does at the top.
        full_from, full_to: the plateau, inclusive.
    """

    low: float = Field(gt=0)
    full_from: float
    full_to: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Plateau:
        if (self.full_to is None) != (self.high is None):
            raise ValueError("give both full_to and high, or neither")
        ends = [self.low, self.full_from, *(end for end in (self.full_to, self.high) if end is not None)]
        if ends != sorted(ends) or not all(map(math.isfinite, ends)):
            raise ValueError("order the ends as low <= full_from <= full_to <= high")
        return self

    def credit(self, ratio: float) -> float | None:
        """The share of full credit, or ``None`` out of range."""
        if ratio < self.low or (self.high is not None and ratio > self.high):
            return None
        if ratio < self.full_from:
            return (ratio - self.low) / (self.full_from - self.low)
        if self.full_to is not None and self.high is not None and ratio > self.full_to:
            return 1 - (ratio - self.full_to) / (self.high - self.full_to)
        return 1.0

    def is_full(self, ratio: float) -> bool:
        """Whether a ratio lies on the plateau."""
        return ratio >= self.full_from and (self.full_to is None or ratio <= self.full_to)


class Weights(Settings):
    """What each level is worth; ``transitions`` and ``jaccard`` make up the style level."""

    structure: float = Field(default=0.5, ge=0)
    coordination: float = Field(default=1.0, ge=0)
    vocabulary: float = Field(default=0.5, ge=0)
    transitions: float = Field(default=0.4, ge=0)
    jaccard: float = Field(default=0.6, ge=0)

    @property
    def total(self) -> float:
        """The nominal maximum, 3 by default, that scores are divided by."""
        return self.structure + self.coordination + self.vocabulary + self.transitions + self.jaccard


@dataclass(frozen=True, slots=True)
class Rules:
    """Every constant of the reward.

    Attributes:
        token_range: fewest and most tokens of a text, inclusive.
        token_gate: whether the structure level asks for ``token_range``, or for any token at all.
        length_ratio, vocabulary_ratio: what is fitting from one text to the next.
        stop_words_in_vocabulary: whether stop words count as different words in the vocabulary ratio.
        jaccard_cap: the similarity that earns the full weight.
        whole_words: whether transition words are found only between word boundaries.
        transition_formula: ``logarithmic`` is min(1, 0.6 ln(n + 1)) of n categories; ``linear`` is
            0.4 + min(0.6, 0.05 (n - 1)), and 0 if n = 0.
        transition_scope: look in each text, in all of them joined without a space, or in the last one.
        out_of_range: what a failed level does to the levels before it.
        weights: what each level is worth.
    """

    token_range: tuple[int, int]
    token_gate: bool
    length_ratio: Plateau
    vocabulary_ratio: Plateau
    stop_words_in_vocabulary: bool
    jaccard_cap: float
    whole_words: bool
    transition_formula: TransitionFormula
    transition_scope: TransitionScope
    out_of_range: OutOfRange
    weights: Weights

    @property
    def best(self) -> float:
        """The highest reward: one of every category, all else in full."""
        missing = 1 - transition_credit(_CATEGORIES, self.transition_formula)
        return self.weights.total - self.weights.transitions * missing


@dataclass(frozen=True, slots=True)
class Score:
    """What texts earned.

    Attributes:
        components: by level, what it adds to the reward; 0 after a failed level.
        metrics: all measures, those of the single texts under the texts' names.
    """

    components: Mapping[str, float]
    metrics: Mapping[str, float]

    @property
    def reward(self) -> float:
        return math.fsum(self.components.values())


@dataclass(frozen=True, slots=True)
class _Level:
    """The reward of one level on its own, and whether the climb goes on."""

    value: float
    passed: bool = True


def score_texts(texts: Mapping[str, str], rules: Rules) -> Score:
    """Score two or more named texts in their order; any text is fine."""
    written = list(texts.values())
    lengths = [float(len(text)) for text in written]
    uniques = [float(len(vocabulary(text, rules.stop_words_in_vocabulary))) for text in written]
    length_ratios, unique_ratios = _ratios(lengths), _ratios(uniques)
    style, style_metrics = _style(written, rules)
    levels = {
        "structure": _structure(written, rules),
        "coordination": _plateau_level(length_ratios, rules.length_ratio, rules.weights.coordination),
        "vocabulary": _plateau_level(unique_ratios, rules.vocabulary_ratio, rules.weights.vocabulary),
        "style": style,
    }
    components = _gated(levels, rules.out_of_range)
    metrics = {
        "score": math.fsum(components.values()) / rules.weights.total if rules.weights.total else 0.0,
        **_text_metrics(texts, rules),
        "length_ratio": fmean(length_ratios),
        "token_ratio": fmean(_ratios([float(token_count(text)) for text in written])),
        "unique_word_ratio": fmean(unique_ratios),
        "optimal_length_ratio": float(all(map(rules.length_ratio.is_full, length_ratios))),
        "optimal_unique_word_ratio": float(all(map(rules.vocabulary_ratio.is_full, unique_ratios))),
        **style_metrics,
        **{f"{name}_ungated": level.value for name, level in levels.items()},
        "ungated_reward": math.fsum(level.value for level in levels.values()),
    }
    return Score(components, metrics)


def transition_credit(categories: int, formula: TransitionFormula) -> float:
    """The share of full credit for a number of categories of transition words."""
    if formula == "logarithmic":
        return min(1.0, 0.6 * math.log(categories + 1))
    return 0.4 + min(0.6, 0.05 * (categories - 1)) if categories else 0.0


def _gated(levels: Mapping[str, _Level], out_of_range: OutOfRange) -> dict[str, float]:
    if out_of_range == "forfeit" and not all(level.passed for level in levels.values()):
        return dict.fromkeys(levels, 0.0)
    components, climbing = dict.fromkeys(levels, 0.0), True
    for name, level in levels.items():
        if climbing:
            components[name] = level.value
        climbing = climbing and level.passed
    return components


def _structure(texts: Sequence[str], rules: Rules) -> _Level:
    low, high = rules.token_range if rules.token_gate else (1, math.inf)
    passed = all(low <= token_count(text) <= high for text in texts)
    return _Level(rules.weights.structure if passed else 0.0, passed)


def _plateau_level(ratios: Sequence[float], plateau: Plateau, weight: float) -> _Level:
    credits = [plateau.credit(ratio) for ratio in ratios]
    value = fmean(credit or 0.0 for credit in credits)
    return _Level(weight * value, all(credit is not None for credit in credits))


def _style(texts: Sequence[str], rules: Rules) -> tuple[_Level, dict[str, float]]:
    by_category = _transitions(texts, rules)
    similarity = [jaccard(one, other) for one, other in pairwise(texts)]
    scale = transition_credit(len(by_category), rules.transition_formula)
    metrics = {
        "transition_categories": float(len(by_category)),
        "transition_words": float(len(frozenset[str]().union(*by_category.values()))),
        "has_transition_words": float(bool(by_category)),
        "transition_scale": scale,
        "transition_reward": rules.weights.transitions * scale,
        "jaccard": fmean(similarity),
        "jaccard_reward": rules.weights.jaccard * fmean(min(1.0, s / rules.jaccard_cap) for s in similarity),
    }
    return _Level(metrics["transition_reward"] + metrics["jaccard_reward"]), metrics


def _transitions(texts: Sequence[str], rules: Rules) -> dict[str, frozenset[str]]:
    places = {"each": texts, "joined": ["".join(texts)], "last": texts[-1:]}[rules.transition_scope]
    by_category: dict[str, frozenset[str]] = {}
    for place in places:
        for category, entries in transitions(place, rules.whole_words).items():
            by_category[category] = by_category.get(category, frozenset()) | entries
    return by_category


def _text_metrics(texts: Mapping[str, str], rules: Rules) -> dict[str, float]:
    metrics: dict[str, float] = {}
    low, high = rules.token_range
    for name, text in texts.items():
        tokens = token_count(text)
        metrics[f"{name}_tokens"] = float(tokens)
        metrics[f"{name}_characters"] = float(len(text))
        metrics[f"{name}_unique_words"] = float(len(vocabulary(text, stop_words=False)))
        metrics[f"{name}_in_token_range"] = float(low <= tokens <= high)
    return metrics


def _ratios(sizes: Sequence[float]) -> list[float]:
    """Each size over the one before; 0, which no plateau admits, where there is nothing to divide by."""
    return [after / before if before else 0.0 for before, after in pairwise(sizes)]
