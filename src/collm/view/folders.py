"""Finds runs below a folder, and reads what each says of itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from collm.base.yaml_text import read_yaml
from collm.errors import CollmError
from collm.view.tolerant import mapping, parsed, whole

CONFIG_FILE = "config.yaml"
_DEEPEST = 4
_UPDATE = re.compile(r"update-(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a file has changed: its size and the time of its last write, in ns."""

    size: int = -1
    mtime: int = -1


@dataclass(frozen=True, slots=True)
class EpisodeFile:
    """A file below ``episodes/``.

    Attributes:
        name: without its ending, such as ``update-000003``.
        update: after how many updates it was written; ``None`` for ``after``.
        kind: ``update``, ``evaluation`` or ``greedy``.
    """

    path: Path
    name: str
    stamp: Stamp

    @property
    def update(self) -> int | None:
        match = _UPDATE.search(self.name)
        return int(match[1]) if match else None if "after" in self.name else 0

    @property
    def kind(self) -> str:
        if not self.name.startswith("evaluation-"):
            return "update"
        return "greedy" if self.name.endswith("-greedy") else "evaluation"


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder and the name it has below the folder that is viewed."""

    name: str
    path: Path

    def config(self) -> dict[str, Any]:
        """The recipe as plain data; empty if there is none that can be read."""
        file = self.path / CONFIG_FILE
        return _config(file, stamp(file))

    def metrics(self) -> Sequence[dict[str, Any]]:
        return _logged(self.path / "metrics.jsonl")

    def evaluations(self) -> Sequence[dict[str, Any]]:
        return _logged(self.path / "evaluations.jsonl")

    def finished(self) -> bool:
        file = self.path / "summary.json"
        return bool(file.is_file() and mapping(parsed(file.read_bytes())).get("finished"))

    def last_update(self) -> int:
        """The number of the last update that was logged; 0 if none was."""
        return max((whole(row.get("update")) for row in self.metrics()), default=0)

    def discount(self) -> float:
        """The discount of returns; 1 where the recipe names none."""
        value = mapping(self.config().get("algorithm")).get("discount")
        return float(value) if isinstance(value, int | float) else 1.0

    def episode_files(self) -> list[EpisodeFile]:
        """Every whole file of episodes; what vanishes meanwhile is left out."""
        try:
            with os.scandir(self.path / "episodes") as entries:
                return [file for entry in entries if (file := _episode_file(entry)) is not None]
        except OSError:
            return []

    def logs(self) -> tuple[Stamp, ...]:
        """What changes whenever a log or the summary does."""
        return tuple(
            stamp(self.path / name) for name in ("metrics.jsonl", "evaluations.jsonl", "summary.json")
        )


def find_runs(folder: Path) -> list[Run]:
    """Every run at or below a folder, by name. Links are not followed, runs not searched for runs."""
    return sorted(
        (Run(_name(path, folder), path) for path in _runs_below(folder, _DEEPEST)), key=lambda run: run.name
    )


def _runs_below(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / CONFIG_FILE).is_file():
        yield folder
    elif depth:
        for inner in _folders(folder):
            yield from _runs_below(inner, depth - 1)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []


def _name(path: Path, folder: Path) -> str:
    return path.name if path == folder else path.relative_to(folder).as_posix()


def _episode_file(entry: os.DirEntry[str]) -> EpisodeFile | None:
    name, ending = os.path.splitext(entry.name)
    if ending != ".jsonl" or name.startswith("."):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return EpisodeFile(Path(entry.path), name, Stamp(status.st_size, status.st_mtime_ns))


def stamp(file: Path) -> Stamp:
    """A file's stamp; one of its own if the file is absent."""
    try:
        status = file.stat()
    except OSError:
        return Stamp()
    return Stamp(status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _config(file: Path, stamp: Stamp) -> dict[str, Any]:
    try:
        values = read_yaml(file)
    except (CollmError, OSError):
        return {}
    return values if isinstance(values, dict) else {}


def _logged(file: Path) -> Sequence[dict[str, Any]]:
    return _rows(file, stamp(file))


@lru_cache(maxsize=64)
def _rows(file: Path, stamp: Stamp) -> Sequence[dict[str, Any]]:
    """The rows of a log that can be read; a broken line costs itself alone."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError:
        return ()
    return tuple(row for line in lines if (row := parsed(line)) is not None)
