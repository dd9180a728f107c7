"""Texts about embedded-style posts, from writers who do not know how long or how rich they should be.

Both writers retell parts of a post in the first person. The summarizer writes one to four sentences. The
elaborator retells one to five parts, at times opens one with a transition or adds a remark that goes
beyond the post. Nothing ties the two together, so most pairs fit badly and some fit well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from collm.envs.writing.posts import Post

Writer = Callable[[Post, random.Random], str]

_ORDER = ("opening", "trouble", "attempt", "feeling", "option")
_TRANSITION_SHARE = 0.2
_REMARK_SHARE = 0.15

_TRANSITIONS: Mapping[str, Sequence[str]] = {
    "opening": ("To begin with,", "At first glance,", "Of course,"),
    "trouble": ("However,", "For example,", "In fact,", "Lately,"),
    "attempt": ("Therefore,", "Meanwhile,", "Of course,"),
    "feeling": ("As a result,", "Moreover,", "In other words,"),
    "option": ("In short,", "Finally,", "Similarly,"),
}
_REMARKS = (
    "People close to us give different advice",
    "Nobody wants another argument",
    "An honest conversation could repair everything",
    "This situation costs energy and patience",
    "Small habits grow into serious conflicts",
    "Mutual respect matters more than pride",
    "Every weekend brings fresh tension",
    "Strangers online seem wiser about such problems",
    "Silence makes matters worse",
    "Perhaps both sides deserve a second chance",
)


def write_summary(post: Post, stream: random.Random) -> str:
    """One to four parts of the post in its own order."""
    count = stream.choices((1, 2, 3, 4), (1, 3, 4, 4))[0]
    return " ".join(_sentence(part, post) for part in _some(count, stream))


def write_elaboration(post: Post, stream: random.Random) -> str:
    """One to five parts of the post, some opened by a transition or followed by a remark."""
    count = stream.choices((1, 2, 3, 4, 5), (4, 4, 2, 1, 1))[0]
    remarks = iter(stream.sample(_REMARKS, len(_REMARKS)))
    sentences: list[str] = []
    for part in _some(count, stream):
        sentence = _sentence(part, post)
        if stream.random() < _TRANSITION_SHARE:
            sentence = f"{stream.choice(_TRANSITIONS[part])} {_lowered(sentence)}"
        sentences.append(sentence)
        if stream.random() < _REMARK_SHARE:
            sentences.append(f"{next(remarks)}.")
    return " ".join(sentences)


WRITERS: Mapping[str, Writer] = {"summary": write_summary, "elaboration": write_elaboration}


def _some(count: int, stream: random.Random) -> list[str]:
    chosen = set(stream.sample(_ORDER, count))
    return [part for part in _ORDER if part in chosen]


def _sentence(part: str, post: Post) -> str:
    return {
        "opening": f"{post.opening}.",
        "trouble": f"My {post.who} {post.trouble}.",
        "attempt": f"{post.attempt} but {post.outcome}.",
        "feeling": f"{post.feeling}.",
        "option": f"Should I {post.option}?",
    }[part]


def _lowered(sentence: str) -> str:
    """A sentence as it continues another; "I" keeps its capital."""
    return sentence if sentence.startswith("I ") else sentence[0].lower() + sentence[1:]
