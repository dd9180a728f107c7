"""Checkpoints: written in one step, found again only if they are whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol

from collm.base.values import finite
from collm.errors import CollmError
from collm.runs.files import damage, write_folder, write_json, write_text
from collm.runs.layout import CONFIG_FILE, COUNTERS_FILE, Layout


class Saveable(Protocol):
    """Something that writes itself into a folder, such as a team."""

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Counters:
    """What a run has done so far; part of every checkpoint."""

    update: int = 0
    env_steps: int = 0
    episodes: int = 0
    tokens: int = 0
    inference_calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint on disk."""

    path: Path
    counters: Counters


def write_checkpoint(layout: Layout, team: Saveable, config: str, counters: Counters, keep: int) -> None:
    """Write a checkpoint in one step and drop the oldest ones.

    Args:
        layout: of the run.
        team: what is saved.
        config: the recipe as YAML.
        counters: name the checkpoint by their update.
        keep: how many of the latest stay.
    """

    def fill(folder: Path) -> None:
        team.save(folder)
        write_text(folder / CONFIG_FILE, config)
        write_json(folder / COUNTERS_FILE, asdict(counters))

    write_folder(layout.checkpoint(counters.update), fill)
    for old in layout.checkpoints()[:-keep]:
        shutil.rmtree(old)


def latest_checkpoint(layout: Layout, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint; damaged ones are named to ``warn`` and passed over."""
    for path in reversed(layout.checkpoints()):
        outcome = _read(path)
        if isinstance(outcome, Checkpoint):
            return outcome
        warn(f"{path} is damaged ({outcome}); trying the checkpoint before it.")
    return None


def checkpoint_of(folder: Path, warn: Callable[[str], None]) -> Path:
    """The checkpoint that a person means by a folder: itself, or the newest whole one of a run.

    Args:
        folder: a run folder, or a folder below its checkpoints.
        warn: called with a line for each damaged checkpoint that was passed over, and for the one used.

    Raises:
        CollmError: if there is none, or it is damaged.
    """
    if (folder / "agents").is_dir():
        problem = damage(folder)
        if problem is not None:
            raise CollmError(str(folder), f"the checkpoint is damaged: {problem}.", "use another checkpoint.")
        return folder
    damaged: list[str] = []
    latest = latest_checkpoint(Layout(folder), damaged.append)
    if latest is None:
        problem = f"no whole checkpoint here. {' '.join(damaged)}".strip()
        mend = "restore one of them." if damaged else "train further with --resume."
        raise CollmError(str(folder), problem, mend)
    for line in damaged:
        warn(line)
    if damaged:
        warn(f"Taking {latest.path}.")
    return latest.path


def _read(path: Path) -> Checkpoint | str:
    """The checkpoint, or what is wrong with it."""
    problem = damage(path)
    if problem is not None:
        return problem
    counters = _counters(path / COUNTERS_FILE)
    return (
        f"{COUNTERS_FILE} does not hold a run's counters" if counters is None else Checkpoint(path, counters)
    )


def _counters(file: Path) -> Counters | None:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or values.keys() != {field.name for field in fields(Counters)}:
        return None
    counts = [value for name, value in values.items() if name != "seconds"]
    sound = finite(values["seconds"]) is not None and all(type(count) is int for count in counts)
    return Counters(**values) if sound and min(values.values()) >= 0 else None
