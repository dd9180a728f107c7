"""The folder of a sweep: recipes, runs, evaluations and logs by cell, and what came of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collm.base.validation import validated
from collm.base.yaml_text import to_yaml
from collm.config.overrides import parse_overrides
from collm.config.sections import EvaluationConfig
from collm.config.tree import make_config, plain
from collm.errors import CollmError
from collm.runs.files import write_json, write_text
from collm.runs.layout import Layout
from collm.sweep.cells import Cell
from collm.sweep.grid import Grid
from collm.sweep.places import Job

MANIFEST, SUMMARY = "sweep.json", "summary.json"


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """Where a sweep's files lie; what is written is whole or absent."""

    path: Path

    def run(self, name: str) -> Path:
        return self.path / "runs" / name

    def evaluation(self, name: str) -> Path:
        return self.path / "evaluations" / name

    def recipe(self, name: str) -> Path:
        return self.path / "recipes" / f"{name}.yaml"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.txt"

    def finished(self, name: str) -> Path:
        return self.path / "finished" / f"{name}.json"

    def begin(self, grid: Mapping[str, Any], cells: Sequence[Cell]) -> None:
        """Write the grid, the manifest and every cell's recipe.

        Raises:
            CollmError: if something else than a sweep lies there.
        """
        if self.path.is_dir() and not (self.path / MANIFEST).is_file() and self._holds_something():
            mend = "choose another --out, or a folder that is empty."
            raise CollmError(f"--out {self.path}", "something else lies there.", mend)
        for folder in ("recipes", "runs", "evaluations", "logs", "finished"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        for cell in cells:
            write_text(self.recipe(cell.name), to_yaml(dict(cell.recipe)))
        write_json(self.path / MANIFEST, {"grid": grid, "cells": [_entry(cell) for cell in cells]})

    def _holds_something(self) -> bool:
        return any(path != Layout(self.path).lock for path in self.path.iterdir())

    def job(self, cell: Cell, grid: Grid) -> Job:
        """What a cell does."""
        made = (self.run(cell.name), self.evaluation(cell.name))
        return Job(
            cell.name,
            tuple(_commands(self, cell, grid)),
            self.log(cell.name),
            Path.cwd(),
            reads=(self.recipe(cell.name),),
            makes=made,
        )

    def is_finished(self, cell: Cell, job: Job) -> bool:
        """Whether a cell did all of that already, by the same recipe, and what it made is there."""
        made = [Path(command[command.index("--out") + 1]) for command in job.commands]
        there = all(folder.is_dir() for folder in made)
        return there and _say_the_same(_read(self.finished(cell.name)), _record(cell, job))

    def finish(self, cell: Cell, job: Job) -> None:
        """Remember that a cell did all that it had to do."""
        write_json(self.finished(cell.name), _record(cell, job))

    def seconds(self) -> dict[str, float]:
        """How long each cell took, by name, as far as the last summary says."""
        kept = _read(self.path / SUMMARY)
        try:
            return {str(cell["name"]): float(cell["seconds"]) for cell in kept["cells"]}
        except (LookupError, TypeError, ValueError):  # no summary of a sweep, or none at all
            return {}

    def write_summary(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        """Say what came of every cell."""
        write_json(self.path / SUMMARY, {"cells": list(outcomes)})


def _entry(cell: Cell) -> dict[str, Any]:
    return {"name": cell.name, "labels": dict(cell.labels), "play": cell.play}


def _record(cell: Cell, job: Job) -> dict[str, Any]:
    return {"recipe": dict(cell.recipe), "commands": [list(command) for command in job.commands]}


def _say_the_same(kept: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether a record of a finished cell tells of what is wanted."""
    try:
        return bool(kept == wanted) or _filled(kept) == _filled(wanted)
    except (CollmError, LookupError, TypeError, ValueError, AttributeError):  # it fits no more, or is none
        return False


def _filled(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with today's defaults for the keys that are younger than it."""
    recipe = plain(make_config(record["recipe"], "", learns=False))
    return {"recipe": recipe, "commands": [_filled_words(command) for command in record["commands"]]}


def _filled_words(command: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words of a command, and apart from them its settings of the evaluation, if it has any."""
    given = [word for word in command if word.startswith("evaluation.")]
    others = [word for word in command if word not in given]
    if not given:
        return others, ()
    section = validated(EvaluationConfig, parse_overrides(given)["evaluation"], "evaluation")
    return others, _settings("evaluation", section.model_dump(mode="json"))


def _commands(folder: SweepFolder, cell: Cell, grid: Grid) -> Iterable[tuple[str, ...]]:
    """Train and then play what was trained; or play what was not."""
    out = ("--out", str(folder.evaluation(cell.name)), "--batch", str(grid.batch))
    played = (
        () if grid.evaluation is None else _settings("evaluation", grid.evaluation.model_dump(mode="json"))
    )
    if cell.play is not None:
        words = {key: value for key, value in cell.play.items() if key != "type"}
        protocol = ("--protocol", str(cell.play["type"]), *_settings("protocol", words))
        yield "eval", str(folder.recipe(cell.name)), *protocol, *played, *out
        return
    yield "train", str(folder.recipe(cell.name)), "--out", str(folder.run(cell.name)), "--resume"
    if grid.evaluation is not None:
        yield "eval", str(folder.run(cell.name)), *played, *out


def _settings(section: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{section}.{key}={json.dumps(value)}" for key, value in values.items())


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
