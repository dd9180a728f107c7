"""What a training run tells whoever watches it: a terminal, a callback of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


class Callback:
    """Hears how a run goes. Derive from it and override what is of interest; the rest does nothing.

    What a method raises ends the run, which can be resumed from its last checkpoint.
    """

    def begin(self, updates_done: int, updates: int) -> None:
        """The run starts, or goes on after ``updates_done``; there are ``updates`` in all."""

    def note(self, line: str) -> None:
        """Something a person should know."""

    def updated(self, metrics: Mapping[str, float]) -> None:
        """An update is over; the row of ``metrics.jsonl``."""

    def evaluated(self, update: int, measures: Mapping[str, float]) -> None:
        """The test tasks were played after ``update`` updates; their measures."""


class Silent(Callback):
    """Shows nothing but what a person should know, which goes to a function.

    Args:
        note: called with each such line; by default nobody hears it.
    """

    def __init__(self, note: Callable[[str], None] = lambda line: None) -> None:
        self._note = note

    def note(self, line: str) -> None:
        self._note(line)


class Several(Callback):
    """Tells all callbacks, in their order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def begin(self, updates_done: int, updates: int) -> None:
        for callback in self._callbacks:
            callback.begin(updates_done, updates)

    def note(self, line: str) -> None:
        for callback in self._callbacks:
            callback.note(line)

    def updated(self, metrics: Mapping[str, float]) -> None:
        for callback in self._callbacks:
            callback.updated(metrics)

    def evaluated(self, update: int, measures: Mapping[str, float]) -> None:
        for callback in self._callbacks:
            callback.evaluated(update, measures)
