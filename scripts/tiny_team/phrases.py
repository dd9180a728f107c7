"""The wording that never changes, found by comparing texts: each stretch of it becomes a single token."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_BLOCK = r"[a-z]+(?:_[a-z]+)*"
_VARYING = re.compile(
    r"(?<=Player )\d"  # the agent's number
    rf"|\n- {_BLOCK}(?:: \d+)?(?=\n|$)"  # legend and limits
    rf"|(?:\{{|, |\n)*\(\d+, \d+, \d+, \d+, \d+, \d+ {_BLOCK}\)\}}?"  # the plan
    r"|(?<=\[)\d+,\d+,\d+(?=\])"  # a corner of the box
    r"|(?<=Turn: )\d"
    r"|(?<=reward: )-?\d\.\d+"
)


def fixed_phrases(texts: Iterable[str]) -> list[str]:
    """The stretches between varying parts that recur in at least a tenth as many texts as the commonest."""
    counts = Counter(stretch for text in texts for stretch in set(_stretches(text)))
    often = max(counts.values()) / 10
    return sorted(stretch for stretch, count in counts.items() if count >= often)


def phrase_lines(phrases: Iterable[str]) -> list[str]:
    """The phrases cut before each run of newlines."""
    return sorted({line for phrase in phrases for line in re.split(r"(?<!\n)(?=\n)", phrase) if line.strip()})


def _stretches(text: str) -> list[str]:
    return [stretch for stretch in _VARYING.split(text) if len(stretch) > 3 and not stretch.startswith("/")]
