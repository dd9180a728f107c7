"""Puts the observations and actions of gymnasium's spaces into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from collm.base.registry import load_object
from collm.base.settings import Settings
from collm.errors import CollmError


class Wording(Settings):
    """How agents see a game whose spaces are not texts, and how they move in it.

    Attributes:
        words: names of the actions of a discrete space, in their order; by default they are numbered. The
            last one that a reply names is played.
        otherwise: the action of a reply that names none; by default the first that is legal.
        describe: a ``module:function`` that is called with the agent's name, its observation and the
            game's ``info`` for it, and returns a text. Without it texts are shown as they are, and others
            as Python writes them.
    """

    words: tuple[str, ...] = ()
    otherwise: int | None = None
    describe: str | None = None

    def told(self, agent: str, observation: Any, info: Mapping[str, Any]) -> str:
        """What an agent reads of an observation."""
        if self.describe is not None:
            return str(load_object(self.describe, "env.wording.describe")(agent, observation, info))
        return str(observation)

    def read(self, reply: str, space: Any, mask: Sequence[int] | None = None) -> tuple[Any, bool]:
        """The action that a reply names, and whether it names one.

        Args:
            space: a ``Text`` or ``Discrete`` space.
            mask: for each action of a discrete space whether it is legal.

        Raises:
            CollmError: for other spaces, or another number of words than actions.
        """
        if hasattr(space, "max_length"):
            return reply[: int(space.max_length)], True
        words = self._words(space)
        place = _named(reply, words)
        if place is not None:
            return place + int(space.start), True
        return self._fallback(len(words), mask) + int(space.start), False

    def _words(self, space: Any) -> Sequence[str]:
        count = getattr(space, "n", None)
        if count is None:
            problem = f"actions of the space {space} cannot be named."
            raise CollmError("env.game", problem, "take a game with Text or Discrete actions.")
        words = self.words or tuple(
            str(number) for number in range(int(space.start), int(space.start + count))
        )
        if len(words) != count:
            problem = f"there are {len(words)} words for {count} actions."
            raise CollmError("env.wording.words", problem, "name every action, in order.")
        return words

    def _fallback(self, count: int, mask: Sequence[int] | None) -> int:
        if self.otherwise is not None:
            return min(self.otherwise, count - 1)
        return next((number for number in range(count) if mask is None or mask[number]), 0)


def _named(reply: str, words: Sequence[str]) -> int | None:
    """The place of the word that a reply names last, longer words before shorter ones."""
    numbers = {word.casefold(): number for number, word in enumerate(words)}
    choice = "|".join(re.escape(word) for word in sorted(numbers, key=len, reverse=True))
    matches = re.findall(rf"(?<!\w)(?:{choice})(?!\w)", reply.casefold())
    return numbers[matches[-1]] if matches else None
