"""Measures of texts: words, vocabularies and the transition words that connect thoughts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_WORD = re.compile(r"\w+")


def token_count(text: str) -> int:
    """The number of tokens between white space; these are not a model's tokens."""
    return len(text.split())


def vocabulary(text: str, stop_words: bool) -> frozenset[str]:
    """The different words of a text in lower case, with or without the stop words."""
    words = frozenset(_WORD.findall(text.lower()))
    return words if stop_words else words - all_stop_words()


def jaccard(one: str, other: str) -> float:
    """Shared words over all words of two texts, stop words left out; 1 if neither has any."""
    a, b = vocabulary(one, stop_words=False), vocabulary(other, stop_words=False)
    return len(a & b) / len(a | b) if a | b else 1.0


def shared_words(one: str, other: str) -> frozenset[str]:
    """The different words that two texts have in common, stop words left out."""
    return vocabulary(one, stop_words=False) & vocabulary(other, stop_words=False)


def transitions(text: str, whole_words: bool) -> Mapping[str, frozenset[str]]:
    """The transition words and phrases that occur in a text, by category; absent categories are left out.

    Args:
        text: the text, in any case.
        whole_words: find an entry only between word boundaries, where any white space may part the
            words of a phrase; otherwise find it anywhere, so that "was" has "as".
    """
    lowered = text.lower()
    by_category = {
        category: frozenset(
            entry
            for entry in entries
            if (_pattern(entry).search(lowered) if whole_words else entry in lowered)
        )
        for category, entries in transition_categories().items()
    }
    return {category: entries for category, entries in by_category.items() if entries}


@cache
def all_stop_words() -> frozenset[str]:
    """The words that carry little content."""
    return frozenset(lexicon("stop_words"))


@cache
def transition_categories() -> Mapping[str, tuple[str, ...]]:
    """The entries of each category; some serve in several."""
    return {category: tuple(entries) for category, entries in lexicon("transition_words").items()}


def transition_spans(text: str, whole_words: bool) -> Iterator[tuple[int, int, str]]:
    """Where :func:`transitions` finds its entries: (start, end, category) in characters of ``text``."""
    lowered, places = text.lower(), _places(text)
    for category, entries in transition_categories().items():
        for entry in entries:
            pattern = _pattern(entry) if whole_words else re.compile(re.escape(entry))
            for match in pattern.finditer(lowered):
                yield places[match.start()], places[match.end() - 1] + 1, category


def word_spans(text: str, words: frozenset[str], label: str) -> Iterator[tuple[int, int, str]]:
    """Where some words of a vocabulary stand: (start, end, label) in characters of ``text``."""
    places = _places(text)
    for match in _WORD.finditer(text.lower()):
        if match[0] in words:
            yield places[match.start()], places[match.end() - 1] + 1, label


def _places(text: str) -> list[int]:
    """For each character of the text in lower case the one it comes from; some become two."""
    return [index for index, character in enumerate(text) for _ in character.lower()]


@cache
def _pattern(entry: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)" + r"\s+".join(map(re.escape, entry.split())) + r"(?!\w)")


@cache
def lexicon(name: str) -> Any:
    """The content of one of the package's word files."""
    file = files("collm.envs.writing").joinpath("lexicon", f"{name}.yaml")
    return yaml.safe_load(file.read_text(encoding="utf-8"))
