"""A cell on another machine: what it reads comes as bytes, and what it makes goes back as bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from collm.placement.parcels import Parcel, packed, renamed, unpacked
from collm.sweep.local import Process
from collm.sweep.places import Job


class CellHost:
    """Runs one job in a folder of its own, without waiting for it.

    Args:
        job: its paths are those of the machine that the sweep was started on.
        brought: what lies at some of these paths.
    """

    def __init__(self, job: Job, brought: Mapping[str, Parcel]) -> None:
        self._folder = TemporaryDirectory(prefix="collm-")
        root = Path(self._folder.name)
        self._places = {str(path): root / str(number) for number, path in enumerate(job.reads + job.makes)}
        for name, parcel in brought.items():
            unpacked(parcel, self._places[name])
        self._made, self._log = [str(path) for path in job.makes], root / "log"
        folder = job.folder if job.folder.is_dir() else root
        here = Job(job.name, tuple(map(self._here, job.commands)), self._log, folder)
        self._process = Process(here, {**os.environ, **job.environment})

    def _here(self, command: Sequence[str]) -> tuple[str, ...]:
        return tuple(str(self._places.get(word, word)) for word in command)

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        self._process.stop()

    def made(self) -> tuple[bytes, dict[str, Parcel]]:
        """Its log, and by path what it made, with the sweep's names of places in both."""
        names = {str(place): name for name, place in self._places.items()}
        log = self._log.read_bytes()
        for here, there in names.items():
            log = log.replace(here.encode(), there.encode())
        there_are = [name for name in self._made if self._places[name].exists()]
        return log, {name: renamed(packed(self._places[name]), names) for name in there_are}
