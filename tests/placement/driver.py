"""``collm`` that writes down what a run on Ray is doing, and which process plays what.

``python -m tests.placement.driver FOLDER ARGUMENTS...`` adds lines to ``FOLDER/doing`` and ``FOLDER/roles``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, cast

from collm.cli.app import main
from collm.engines.base import Deferred, Pending
from collm.placement.engine import RemoteEngine
from collm.placement.ray_place import RayPlace
from collm.placement.ray_seats import RaySeat
from collm.runs.folder import RunFolder
from collm.training import loop

SYNC, REST = "weight sync", "sampling"
"""Weights are sent within sampling and evaluation; what is nothing else is sampling, or logging."""

LINGERED = 0.03
"""Seconds that weights stay under way: on an idle machine nobody could see them pass."""

PHASES = {
    "update": (loop, "learn"),
    "checkpoint": (RunFolder, "save"),
    "evaluation": (loop, "evaluate"),
    "opening": (RayPlace, "team"),
}
"""Whose call each phase is."""


class Marks:
    """Writes a line whenever what is done changes."""

    def __init__(self, folder: Path) -> None:
        self._doing, self._roles = (folder / "doing").open("a"), (folder / "roles").open("a")
        self._phases = [REST]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        depth = len(self._phases)
        self._begin(name)
        try:
            yield
        finally:
            del self._phases[depth:]
            self._write(self._phases[-1])

    def during(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def marked(*args: Any, **named: Any) -> Any:
            with self.phase(name):
                return work(*args, **named)

        return marked

    def sending(self, work: Callable[..., list[Pending[None]]]) -> Callable[..., list[Pending[None]]]:
        """Weights are under way until the last replica's answer has been awaited."""

        @wraps(work)
        def marked(engine: RemoteEngine) -> list[Pending[None]]:
            sent = work(engine)
            if sent:
                self._begin(SYNC)
                time.sleep(LINGERED)
                sent[-1] = Deferred(self._then_back(sent[-1]))
            return sent

        return marked

    def _then_back(self, last: Pending[None]) -> Callable[[], None]:
        def awaited() -> None:
            last.result()
            self._phases.pop()
            self._write(self._phases[-1])

        return awaited

    def naming(self, work: Callable[[RaySeat], None]) -> Callable[[RaySeat], None]:
        """Who plays a role is known once its worker is there."""

        @wraps(work)
        def marked(seat: RaySeat) -> None:
            work(seat)
            print(seat.process(), seat.role, file=self._roles, flush=True)

        return marked

    def _begin(self, name: str) -> None:
        self._phases.append(name)
        self._write(name)

    def _write(self, name: str) -> None:
        print(name, file=self._doing, flush=True)


def marked(folder: Path) -> None:
    """Let whatever this process trains be written down."""
    marks = Marks(folder)
    for name, (owner, work) in PHASES.items():
        setattr(owner, work, marks.during(name, getattr(owner, work)))
    engine, seat = cast(Any, RemoteEngine), cast(Any, RaySeat)
    engine._weights_sent = marks.sending(engine._weights_sent)
    seat.check_identity = marks.naming(seat.check_identity)


if __name__ == "__main__":
    marked(Path(sys.argv.pop(1)))
    main()
