"""Runs the cells of a grid, as many at a time as a place has room for; one that fails holds up no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

from collm.printable import printable
from collm.runs.lock import locked
from collm.sweep.cells import Cell, cells_of
from collm.sweep.folder import SweepFolder
from collm.sweep.grid import Grid
from collm.sweep.places import Job, Place, Running
from collm.training.stopping import stop_requests

State = Literal["waiting", "running", "finished", "skipped", "failed", "stopped"]
_PAUSE = 0.2
"""Seconds between two looks at the processes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell so far.

    Attributes:
        state: ``skipped`` was finished before this sweep began; ``stopped`` can be resumed.
        message: why it failed, in one line.
        seconds: how long it took, or has taken; what is skipped took it in an earlier sweep.
        log: everything that it printed.
    """

    name: str
    labels: Mapping[str, str | int]
    state: State
    message: str
    seconds: float
    log: str


class Watcher(Protocol):
    """Hears how a sweep goes."""

    def note(self, line: str) -> None:
        """Something a person should know."""

    def looked(self, outcomes: Sequence[Outcome]) -> None:
        """A few times a second: every cell as it is now."""


def sweep(grid: Grid, out: Path, place: Place, watcher: Watcher) -> tuple[Outcome, ...]:
    """Run every cell that is not finished yet.

    Args:
        grid: checked; its cells are checked before anything is written.
        out: the sweep's folder; what is there already is gone on with.
        place: where cells run.
        watcher: shows progress.

    Raises:
        CollmError: if a cell's recipe does not fit, something else lies in the folder, or another sweep is
            working on it.
    """
    cells, folder = cells_of(grid), SweepFolder(out)
    with locked(out):
        folder.begin(grid.model_dump(mode="json"), cells)
        pool = _Pool(folder, place, [(cell, folder.job(cell, grid)) for cell in cells])
        with stop_requests(watcher.note) as stopping:
            try:
                _work(pool, watcher.looked, stopping)
            finally:
                pool.end()
                folder.write_summary(map(asdict, pool.outcomes()))
        return pool.outcomes()


def _work(pool: _Pool, looked: Callable[[Sequence[Outcome]], None], stopping: Callable[[], bool]) -> None:
    asked = False
    while pool.collect() or (pool.waiting and not asked):
        if stopping() and not asked:
            asked = True
            pool.stop()
        if not asked:
            pool.fill()
        looked(pool.outcomes())
        time.sleep(_PAUSE)
    looked(pool.outcomes())


@dataclass(slots=True)
class _Begun:
    cell: Cell
    job: Job
    running: Running
    slot: int
    since: float
    logged: int


class _Pool:
    """Cells that wait, run and are done."""

    def __init__(self, folder: SweepFolder, place: Place, work: Sequence[tuple[Cell, Job]]) -> None:
        self._folder, self._place, self._cells = folder, place, [cell for cell, _ in work]
        finished, seconds = (
            {cell.name for cell, job in work if folder.is_finished(cell, job)},
            folder.seconds(),
        )
        self._ended: dict[str, tuple[State, str, float]] = {
            name: ("skipped", "", seconds.get(name, 0.0)) for name in finished
        }
        self.waiting = [(cell, job) for cell, job in work if cell.name not in finished]
        self._begun: list[_Begun] = []
        self._asked = False

    def fill(self) -> None:
        """Begin cells while there is room."""
        free = [slot for slot in range(self._place.slots) if slot not in {one.slot for one in self._begun}]
        for slot in free:
            if self.waiting:
                cell, job = self.waiting.pop(0)
                logged = job.log.stat().st_size if job.log.is_file() else 0  # by earlier attempts
                running = self._place.start(job, slot)
                self._begun.append(_Begun(cell, job, running, slot, time.monotonic(), logged))

    def collect(self) -> bool:
        """Take note of what has ended; whether anything still runs."""
        for one in list(self._begun):
            code = one.running.poll()
            if code is not None:
                self._begun.remove(one)
                self._ended[one.cell.name] = (*self._told(one, code), time.monotonic() - one.since)
        return bool(self._begun)

    def _told(self, one: _Begun, code: int) -> tuple[State, str]:
        if code == 0:
            self._folder.finish(one.cell, one.job)
            return "finished", ""
        if self._asked:
            return "stopped", ""
        return "failed", last_words(one.job.log, one.logged) or f"ended with code {code}"

    def stop(self) -> None:
        """Ask all that run to save themselves and end."""
        self._asked = True
        for one in self._begun:
            one.running.stop()

    def end(self) -> None:
        """Wait for none: whatever still runs here is asked to end."""
        if self._begun:
            self.stop()

    def outcomes(self) -> tuple[Outcome, ...]:
        """Every cell, in the grid's order."""
        now, begun = time.monotonic(), {one.cell.name: one for one in self._begun}
        return tuple(self._outcome(cell, begun, now) for cell in self._cells)

    def _outcome(self, cell: Cell, begun: Mapping[str, _Begun], now: float) -> Outcome:
        state: State = "stopped" if self._asked else "waiting"
        message, seconds = "", 0.0
        if cell.name in self._ended:
            state, message, seconds = self._ended[cell.name]
        elif cell.name in begun:
            state, seconds = "running", now - begun[cell.name].since
        return Outcome(cell.name, cell.labels, state, message, seconds, str(self._folder.log(cell.name)))


def last_words(log: Path, since: int = 0) -> str:
    """The line after so many bytes that says why a log ended: its last error, or else its last line."""
    lines = [line.strip() for line in _text(log, since).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return printable((errors or lines or [""])[-1].removeprefix("error: "))


def _text(log: Path, since: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many cells are in each state."""
    states = [outcome.state for outcome in outcomes]
    return {state: states.count(state) for state in dict.fromkeys(states)}
