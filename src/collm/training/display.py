"""What a training run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class Display(Protocol):
    """Shows a person how a run goes."""

    def begin(self, updates_done: int, updates: int) -> None:
        """The run starts, or goes on after ``updates_done``; there are ``updates`` in all."""

    def note(self, line: str) -> None:
        """Something a person should know."""

    def updated(self, metrics: Mapping[str, float]) -> None:
        """An update is over; the row of ``metrics.jsonl``."""

    def evaluated(self, update: int, found: Mapping[str, float]) -> None:
        """The test tasks were played after ``update`` updates."""


class Silent:
    """Shows nothing but what a person should know, which goes to a function.

    Args:
        note: called with each such line; by default nobody hears it.
    """

    def __init__(self, note: Callable[[str], None] = lambda line: None) -> None:
        self.note = note

    def begin(self, updates_done: int, updates: int) -> None:
        pass

    def updated(self, metrics: Mapping[str, float]) -> None:
        pass

    def evaluated(self, update: int, found: Mapping[str, float]) -> None:
        pass
