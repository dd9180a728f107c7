"""How many tokens the passes of an optimizer step read, where no episode ends early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grown:
    """A tree as one model reads it.

    Attributes:
        samples: its actions at each turn.
        siblings: of them at one history.
        fresh: tokens by which a history grows from turn to turn, its last reply among them.
        said: tokens of a reply that is read after its history; 0 if none is.
        beyond: turns after its own that are read for an action.
    """

    samples: Sequence[int]
    siblings: int
    fresh: float
    said: float = 0.0
    beyond: int = 0

    @property
    def size(self) -> int:
        """Actions of the tree."""
        return sum(self.samples)

    @property
    def tokens(self) -> float:
        """Of the tree, what siblings share once."""
        later = max(0.0, self.fresh - self.said)
        told = [self.fresh, *[later] * (len(self.samples) - 1)]
        return sum(
            number * (new / self.siblings + self.said) for number, new in zip(self.samples, told, strict=True)
        )

    def tokens_of(self, actions: float) -> float:
        """Of so many actions with their histories; siblings, which stay together, share one.

        Below a whole tree it is the mean over its histories.
        """
        if actions >= self.size:
            return actions / self.size * self.tokens
        together = min(actions, self.siblings)
        paths = sum(number * self._history(turn) for turn, number in enumerate(self.samples)) / self.size
        return min(self.tokens, actions / together * (paths + together * self.said))

    def _history(self, turn: int) -> float:
        return (1 + min(turn + self.beyond, len(self.samples) - 1)) * self.fresh
