"""What the writers learn from: prompts of the environment and demonstrations, as tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from collm.base.seeding import derive
from collm.envs.writing.posts import Post, embedded_posts, random_post
from collm.envs.writing.tldr import TLDR
from scripts.tiny_team.conversations import IGNORED, Example, encode
from scripts.tiny_writers.demonstrations import WRITERS

_ENVIRONMENTS = (TLDR(), TLDR(), TLDR(), TLDR(variant="reference"))
"""The prompts of the paper's reading three times out of four."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one agent reads and what it should write."""

    prompt: str
    text: str


def lessons(agent: str, count: int, seed: int) -> Iterator[Lesson]:
    """Demonstrations of one agent on posts that are not in the environment's own dataset."""
    stream = random.Random(derive(seed, agent, "lessons"))
    known = {*embedded_posts("train"), *embedded_posts("test")}
    while count > 0:
        post = random_post(stream)
        if post not in known:
            yield Lesson(_prompt(stream.choice(_ENVIRONMENTS), post, agent), WRITERS[agent](post, stream))
            count -= 1


def example(tokenizer: PreTrainedTokenizerFast, lesson: Lesson) -> Example:
    """The lesson as the library's agents see it: the raw prompt, then the reply and its end token."""
    read = encode(tokenizer, lesson.prompt)
    wrote = encode(tokenizer, lesson.text + str(tokenizer.eos_token))
    return Example((*read, *wrote), (*[IGNORED] * len(read), *wrote))


def _prompt(env: TLDR, post: Post, agent: str) -> str:
    state = env.reset(env.parse_task({env.column: post.text}, "post"), 0)
    return env.observe(state)[agent].text
