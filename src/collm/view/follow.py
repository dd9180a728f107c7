"""Follows run folders as they grow: looks each second, reads new files newest first, says what changed."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from collm.view.folders import EpisodeFile, Run, Stamp, find_runs
from collm.view.index import forget, known_files, open_index, store

_PAUSE = 1.0
_BATCH = 0.5
"""Seconds of reading before the runs are looked at again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the follower knows by now.

    Attributes:
        runs: by name.
        changes: how often each run has changed.
        waiting: files still to be read.
        read: files read since the start.
    """

    runs: Mapping[str, Run] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    read: int = 0


class Follower:
    """Reads runs into the index in a thread of its own; others read ``seen``, which is replaced whole."""

    def __init__(self, folder: Path, index: Path) -> None:
        self.folder = folder
        self.index = index
        self.seen = Seen()
        self._logs: dict[str, tuple[Stamp, ...]] = {}
        self._refused: dict[Path, Stamp] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="collm-view", daemon=True)

    def start(self) -> None:
        """Look once, so that the runs are known, then go on in the background."""
        open_index(self.index).close()
        self._look()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        index = open_index(self.index)
        while not self._stop.is_set():
            started = time.monotonic()
            self._look()
            waiting = self._waiting(index)
            self._read(index, waiting)
            if len(waiting) <= 1 or not self.seen.waiting:
                self._stop.wait(max(_PAUSE, 5 * (time.monotonic() - started)))
        index.close()

    def _look(self) -> None:
        """Note which runs there are, and whose logs have grown."""
        runs = {run.name: run for run in find_runs(self.folder)}
        logs = {name: run.logs() for name, run in runs.items()}
        changed = [name for name in runs if logs[name] != self._logs.get(name)]
        self._logs = logs
        self.seen = replace(self.seen, runs=runs)
        self._note(*changed)

    def _note(self, *names: str) -> None:
        if names:
            changes = {**self.seen.changes, **{name: self.seen.changes.get(name, 0) + 1 for name in names}}
            self.seen = replace(self.seen, changes=changes)

    def _waiting(self, index: sqlite3.Connection) -> list[tuple[Run, EpisodeFile]]:
        """Files to be read, the newest first; files that are gone are dropped from the index."""
        waiting: list[tuple[Run, EpisodeFile]] = []
        for run in self.seen.runs.values():
            known, there = known_files(index, run), run.episode_files()
            gone = known.keys() - {file.name for file in there}
            if gone:
                forget(index, run, gone)
                self._note(run.name)
            waiting += ((run, file) for file in there if self._is_new(file, known))
        return sorted(waiting, key=lambda pair: pair[1].stamp.mtime, reverse=True)

    def _is_new(self, file: EpisodeFile, known: Mapping[str, Stamp]) -> bool:
        return known.get(file.name) != file.stamp and self._refused.get(file.path) != file.stamp

    def _read(self, index: sqlite3.Connection, waiting: list[tuple[Run, EpisodeFile]]) -> None:
        self.seen = replace(self.seen, waiting=len(waiting))
        started = time.monotonic()
        for run, file in waiting:
            if self._stop.is_set() or time.monotonic() - started > _BATCH:
                return
            try:
                store(index, run, file)
            except (OSError, sqlite3.Error):  # gone or locked meanwhile: tried again once it has changed
                self._refused[file.path] = file.stamp
            self.seen = replace(self.seen, waiting=self.seen.waiting - 1, read=self.seen.read + 1)
            self._note(run.name)
