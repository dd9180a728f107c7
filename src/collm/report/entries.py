"""What a report is of: runs and evaluations, each with its domain, its method and its seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from collm.base.values import finite
from collm.errors import AbsentError, CollmError
from collm.evaluation.episodes import played_of
from collm.evaluation.kept import EPISODES, MEASURES, SETTINGS
from collm.evaluation.values import Values, values_of
from collm.runs.files import read_json_lines
from collm.runs.layout import Layout
from collm.runs.run import Run
from collm.sweep.folder import MANIFEST, SweepFolder


@dataclass(frozen=True)
class Entry:
    """One run, one evaluation, or a run with the evaluation of its team.

    Attributes:
        env: the section of the recipe.
        run, evaluation: folders; one of them is there.
        pending: an evaluation is to come, so that there are no measures yet but the run's curves.
    """

    domain: str
    method: str
    seed: int
    env: Mapping[str, Any]
    run: Path | None = None
    evaluation: Path | None = None
    pending: bool = False

    @cached_property
    def measures(self) -> Mapping[str, float]:
        """Of the evaluation; without one, of the run's own after training, if it has ended."""
        if self.evaluation is not None:
            with _as_written(self.evaluation / MEASURES) as file:
                return _numbers(_json(file))
        if self.pending:
            return {}
        run = Run(self.run or "")
        with _as_written(run.layout.summary):
            try:
                after = _numbers(run.summary.get("after", {}))
            except AbsentError:
                return {}
        return {**after, "tokens_mean": after["tokens"]} if "tokens" in after else after

    @cached_property
    def values(self) -> Values:
        """What those are the means of, by task, where the evaluation's episodes are there."""
        if self.evaluation is None:
            return {}
        with _as_written(self.evaluation / EPISODES) as file:
            return values_of([played_of(row) for row in read_json_lines(file) if not row["greedy"]])


Groups = Mapping[str, Mapping[str, Sequence[Entry]]]
"""By domain, then by method, in the order in which they were named."""


def grouped(entries: Sequence[Entry]) -> Groups:
    """The entries of one domain and method together: they differ in their seeds."""
    groups: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        groups.setdefault(entry.domain, {}).setdefault(entry.method, []).append(entry)
    return groups


def collect(places: Sequence[str], note: Callable[[str], None] = lambda line: None) -> list[Entry]:
    """The entries that a person names.

    Args:
        places: folders of sweeps, runs and evaluations; ``METHOD=FOLDER`` names the method of one.
        note: called with a line for each cell of a sweep that has nothing to tell yet.

    Raises:
        CollmError: if a folder is none of these, a file of it is broken, or there is nothing to tell.
    """
    entries = [entry for place in places for entry in _entries(place, note)]
    if not entries:
        raise CollmError(" ".join(places), "there is nothing to report yet.", "let a run finish an update.")
    _check_different(entries)
    return entries


def _check_different(entries: Sequence[Entry]) -> None:
    """Refuse what would count as several seeds and is one."""
    seen = set()
    for entry in entries:
        where = entry.run or entry.evaluation or Path()
        one = entry.domain, entry.method, where.resolve()
        if one in seen:
            raise CollmError(str(where), "this is named twice.", "name every run and evaluation once.")
        seen.add(one)


def _entries(place: str, note: Callable[[str], None]) -> Iterator[Entry]:
    label, separator, path = place.partition("=")
    folder, method = (Path(path), label) if separator else (Path(place), None)
    if (folder / MANIFEST).is_file():
        yield from _of_sweep(folder, note)
    elif (folder / SETTINGS).is_file():
        yield _of_evaluation(folder, method)
    elif folder.is_dir() and not Layout(folder).config.is_file():
        problem = "there is no sweep, no run and no evaluation here."
        raise AbsentError(str(folder), problem, "name the folder of one.")
    else:
        yield _of_run(folder, method)


def _of_run(folder: Path, method: str | None) -> Entry:
    run = Run(folder)
    with _as_written(run.layout.config):
        env, algorithm, seed = run.config["env"], run.config["algorithm"]["type"], run.config["seed"]
        return Entry(env["type"], method or algorithm, seed, env, run=folder)


def _of_evaluation(folder: Path, method: str | None) -> Entry:
    with _as_written(folder / SETTINGS) as file:
        settings = _json(file)
        env, protocol = settings["env"], settings["protocol"]["type"]
        return Entry(env["type"], method or protocol, settings["seed"], env, evaluation=folder)


def _of_sweep(path: Path, note: Callable[[str], None]) -> Iterator[Entry]:
    with _as_written(path / MANIFEST) as file:
        manifest = _json(file)
        pending = manifest["grid"]["evaluation"] is not None
        found = [_of_cell(SweepFolder(path), cell, pending) for cell in manifest["cells"]]
    for name, entry in found:
        if entry is None:
            note(f"{name}: nothing to tell yet.")
        else:
            yield entry


def _of_cell(folder: SweepFolder, cell: Mapping[str, Any], pending: bool) -> tuple[str, Entry | None]:
    """A cell's name, and what it has to tell by now."""
    name, labels = cell["name"], dict(cell["labels"])
    domain, method, seed = (labels.pop(key) for key in ("domain", "method", "seed"))
    run, evaluation = folder.run(name), folder.evaluation(name)
    trained = cell["play"] is None and Layout(run).metrics.is_file()
    played = (evaluation / MEASURES).is_file()
    if not (trained or played):
        return name, None
    env = (_of_run(run, None) if trained else _of_evaluation(evaluation, None)).env
    method = ", ".join([method, *map(str, labels.values())])
    places = run if trained else None, evaluation if played else None
    return name, Entry(domain, method, seed, env, *places, pending=pending and not played)


@contextmanager
def _as_written(file: Path) -> Iterator[Path]:
    """Name a file that lacks what this package writes into it."""
    try:
        yield file
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CollmError(str(file), "it is not as collm writes it.", "restore the file.") from None


def _numbers(measures: Mapping[str, Any]) -> dict[str, float]:
    """The measures, without the names and intervals beside them."""
    return {key: number for key, value in measures.items() if (number := finite(value)) is not None}


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AbsentError(str(file), "there is no such file.", "let the evaluation finish.") from None
    except ValueError:
        raise CollmError(str(file), "not valid JSON.", "restore the file.") from None
