"""What the coders learn from: the environment's own prompts, and demonstrations as replies."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from collm.base.seeding import derive
from collm.env import Split
from collm.envs.coding.coding import Coding
from scripts.tiny_coders.demonstrations import WRITERS
from scripts.tiny_coders.names import function_name, word
from scripts.tiny_coders.practice import Practice, draw
from scripts.tiny_team.texts import Conversation, Exchange

_SPLITS: tuple[Split, ...] = ("train", "test")
Lesson = Mapping[str, Conversation]
"""A conversation for each agent."""

_SECOND_TURN_SHARE = 0.2
_ENVIRONMENTS = (Coding(feedback_tests=2), Coding(feedback_tests=2), Coding())
"""Mostly with little feedback, so that most talks are short."""


def drills(count: int, seed: int) -> Iterator[Lesson]:
    """Short talks in which a signature must be copied, to learn that first."""
    stream = random.Random(derive(seed, "drills"))
    for _ in range(count):
        names = list(dict.fromkeys(word(stream) for _ in range(stream.randint(1, 3))))
        typed = ", ".join(f"{each}: {stream.choice(('list', 'int', 'str', 'dict'))}" for each in names)
        asked, plain = f"def {function_name(stream)}({typed}):", ", ".join(names)
        shown = f"\n\n{asked}\n    # your function code here\n    return result\n"
        replies = {"aux": f"def aux({plain}):", "main": asked}
        yield {
            agent: (Exchange(shown, f"{first}\n    return {stream.choice(names)}"),)
            for agent, first in replies.items()
        }


def lessons(count: int, seed: int) -> Iterator[Lesson]:
    """Episodes of one or two turns on problems of our own; tests run in the sandbox for the second turn."""
    stream = random.Random(derive(seed, "lessons"))
    known = {task.entry_point for split in _SPLITS for task in _ENVIRONMENTS[0].tasks(split)}
    while count > 0:
        practice = draw(stream)
        if practice.name not in known:
            turns = 1 + (stream.random() < _SECOND_TURN_SHARE)
            yield _play(stream.choice(_ENVIRONMENTS), practice, turns, stream)
            count -= 1


def _play(env: Coding, practice: Practice, turns: int, stream: random.Random) -> Lesson:
    state = env.reset(practice.problem, 0)
    history: dict[str, list[Exchange]] = {agent: [] for agent in env.agents}
    for turn in range(turns):
        observations = env.observe(state)
        replies = {agent: write(practice, stream) for agent, write in WRITERS.items()}
        for agent, exchanges in history.items():
            exchanges.append(Exchange(observations[agent].text, replies[agent]))
        if turn + 1 < turns:
            state = env.step(state, replies).state
    return {agent: tuple(exchanges) for agent, exchanges in history.items()}
