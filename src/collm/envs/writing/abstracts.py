"""The embedded dataset of ``arxiv``: invented abstracts of 100 to 300 words from a grammar of our own."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from collm.base.seeding import derive
from collm.env import Split
from collm.envs.writing.texts import lexicon

TRAIN_ABSTRACTS, TEST_ABSTRACTS = 96, 24
_ORDER = (
    "background",
    "gap",
    "motivation",
    "method_sentence",
    "data",
    "result",
    "ablation",
    "limit",
    "implication",
)


@cache
def embedded_abstracts(split: Split) -> tuple[str, ...]:
    """The abstracts of a split. All are different, so none of the test ones was trained on."""
    stream, abstracts = random.Random(derive(0, "abstracts")), dict[str, None]()
    while len(abstracts) < TRAIN_ABSTRACTS + TEST_ABSTRACTS:
        abstracts[random_abstract(stream)] = None
    chosen = tuple(abstracts)
    return chosen[:TRAIN_ABSTRACTS] if split == "train" else chosen[TRAIN_ABSTRACTS:]


def random_abstract(stream: random.Random) -> str:
    """Draw a field of study with its words, then one sentence for each step of the argument."""
    grammar: dict[str, Any] = lexicon("abstracts")
    words = {
        **stream.choice(grammar["fields"]),
        **{name: stream.choice(grammar[name]) for name in ("amount", "share", "years")},
    }
    return " ".join(stream.choice(grammar[step]).format(**words) for step in _ORDER)
