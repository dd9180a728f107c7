"""Marks in written texts the words that the reward counts, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from collm.envs.writing.reward import Rules
from collm.envs.writing.texts import shared_words, transition_spans, word_spans

SHARED = "shared"
"""Labels words of two neighbouring texts; transition words have their category as label."""


def marks(texts: Mapping[str, str], rules: Rules) -> dict[str, Any]:
    """A panel of the kind ``marks``, as :meth:`collm.env.Environment.panel` describes it."""
    shared = dict.fromkeys(texts, frozenset[str]())
    for one, other in pairwise(texts):
        both = shared_words(texts[one], texts[other])
        shared[one], shared[other] = shared[one] | both, shared[other] | both
    counted = list(texts)[-1:] if rules.transition_scope == "last" else list(texts)
    marked = []
    for name, text in texts.items():
        spans = [*word_spans(text, shared[name], SHARED)]
        if name in counted:
            spans += transition_spans(text, rules.whole_words)
        marked.append({"name": name, "text": text, "spans": list(_plain(spans))})
    return {"kind": "marks", "texts": marked}


def _plain(spans: list[tuple[int, int, str]]) -> Iterator[dict[str, Any]]:
    for start, end, label in sorted(set(spans)):
        yield {"start": start, "end": end, "label": label}
