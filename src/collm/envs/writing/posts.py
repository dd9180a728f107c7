"""The embedded dataset of ``tldr``: short posts from a grammar of our own, in the form of the real ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

from collm.base.seeding import derive
from collm.env import Split
from collm.envs.writing.texts import lexicon

TRAIN_POSTS, TEST_POSTS = 192, 32


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody's trouble with somebody, and the question what to do about it.

    Attributes:
        topic: where the post appears.
        who: whom the trouble is with, such as ``roommate``.
        opening: how the two came to know each other.
        trouble: what goes wrong, as the rest of a sentence about ``who``.
        attempt, outcome: what the writer tried and what came of it.
        feeling: how the writer feels.
        option: what the writer might do, as a verb phrase.
    """

    topic: str
    who: str
    opening: str
    trouble: str
    attempt: str
    outcome: str
    feeling: str
    option: str

    @property
    def text(self) -> str:
        """The post with its heading, as the dataset's column ``prompt`` holds it."""
        return (
            f"SUBREDDIT: r/{self.topic}\n\nTITLE: My {self.who} {self.trouble}\n\n"
            f"POST: {self.opening}. My {self.who} {self.trouble}. {self.attempt} but {self.outcome}. "
            f"{self.feeling}. Should I {self.option}?\n\nTL;DR:"
        )


@cache
def embedded_posts(split: Split) -> tuple[Post, ...]:
    """The posts of a split. All are different, so none of the test ones was trained on."""
    stream, posts = random.Random(derive(0, "posts")), dict[Post, None]()
    while len(posts) < TRAIN_POSTS + TEST_POSTS:
        posts[random_post(stream)] = None
    return tuple(posts)[:TRAIN_POSTS] if split == "train" else tuple(posts)[TRAIN_POSTS:]


def random_post(stream: random.Random) -> Post:
    """Draw a post: a topic, then each part on its own."""
    grammar: dict[str, Any] = lexicon("posts")
    topic = stream.choice(list(grammar["topics"]))
    parts = {**grammar, **grammar["topics"][topic]}
    who, time = stream.choice(parts["who"]), stream.choice(parts["time"])
    return Post(
        topic=topic,
        who=who,
        opening=stream.choice(parts["opening"]).format(who=who, time=time),
        trouble=stream.choice(parts["trouble"]),
        attempt=stream.choice(parts["attempt"]),
        outcome=stream.choice(parts["outcome"]),
        feeling=stream.choice(parts["feeling"]),
        option=stream.choice(parts["option"]),
    )
