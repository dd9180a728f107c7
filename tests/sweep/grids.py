"""Small grids of the workspace's recipe, and a place whose jobs are played by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collm.base.validation import validated
from collm.sweep.grid import Grid
from collm.sweep.places import Job
from collm.sweep.running import Outcome


def grid(**sections: Any) -> Grid:
    """Two methods of a recipe that ships with the package, unless told otherwise."""
    standard: dict[str, Any] = {
        "domains": {"building": {"recipe": "demo"}},
        "methods": {"CC": {}, "MAGRPO": {"set": ["algorithm.type=magrpo", "critic=null"]}},
        "set": ["training.max_updates=1"],
    }
    return validated(Grid, {**standard, **sections})


@dataclass
class Played:
    """A job that ends as it is told, at the first look."""

    code: int | None

    def poll(self) -> int | None:
        return self.code

    def stop(self) -> None:
        self.code = -15


@dataclass
class Scripted:
    """A place in which each job makes its folder, writes a log and ends with a code."""

    codes: Mapping[str, int | None] = field(default_factory=dict)
    slots: int = 1
    words: str = "error: the file burned. To mend it: print it.\nrest\n"
    started: list[str] = field(default_factory=list)

    def start(self, job: Job, slot: int) -> Played:
        assert 0 <= slot < self.slots
        self.started.append(job.name)
        code = self.codes.get(job.name, 0)
        with job.log.open("a") as log:
            log.write(self.words if code else "")
        for command in job.commands:
            made = job.folder / command[command.index("--out") + 1]
            made.mkdir(parents=True, exist_ok=True)
        return Played(code)


@dataclass
class Heard:
    """What a sweep told."""

    notes: list[str] = field(default_factory=list)
    last: Sequence[Outcome] = ()

    def note(self, line: str) -> None:
        self.notes.append(line)

    def looked(self, outcomes: Sequence[Outcome]) -> None:
        self.last = outcomes
