"""What was played by a protocol: the turns of the environment, and every message behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from collm.types import Action, Observation, Tree


@dataclass(frozen=True, slots=True)
class Message:
    """A reply of one player.

    Attributes:
        step: in its turn, from 0; messages of one step were asked for at one time.
        player: who replied.
        observation: what it was asked.
        action: its reply.
        seconds: until the reply was there.
    """

    step: int
    player: str
    observation: Observation
    action: Action
    seconds: float


@dataclass(frozen=True, slots=True)
class Episode:
    """A tree of one branch, and for each of its turns the messages in the order in which they were sent."""

    tree: Tree
    messages: tuple[tuple[Message, ...], ...]


def response_seconds(messages: Sequence[Message]) -> float:
    """How long a turn took: the slowest player of every step, summed over the steps."""
    return sum(
        max(message.seconds for message in step) for _, step in groupby(messages, lambda one: one.step)
    )
