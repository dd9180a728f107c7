"""The seam of a place: where cells run, each as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MODULE = "collm.cli.cell"
"""Takes a job's commands as JSON and runs one after the other: ``python -m collm.cli.cell COMMANDS``."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a cell does.

    Attributes:
        name: of the cell.
        commands: arguments of ``collm``, one command after the other; the first that fails ends the job.
        log: gets everything that they print.
        folder: where the commands run, to which their paths are relative.
        environment: variables besides those that are set already.
        reads, makes: the files and folders of the sweep that the commands name; those that are made may be
            there in part, and are gone on with.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    log: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[Path, ...] = ()
    makes: tuple[Path, ...] = ()


class Running(Protocol):
    """A job on its way."""

    def poll(self) -> int | None:
        """The exit code, ``None`` while it runs."""

    def stop(self) -> None:
        """Ask it to save what it has and end."""


class Place(Protocol):
    """Runs so many jobs at a time; each ends when the sweep's own process does, however that ends."""

    @property
    def slots(self) -> int:
        """How many jobs run at a time."""

    def start(self, job: Job, slot: int) -> Running:
        """Begin a job in a slot that is free."""
