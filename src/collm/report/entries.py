"""What a report is of: runs and evaluations, each with its domain, its method and its seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from collm.errors import AbsentError, CollmError
from collm.evaluation.episodes import played_of
from collm.evaluation.kept import EPISODES, MEASURES, SETTINGS
from collm.evaluation.values import Values, values_of
from collm.runs.files import read_json_lines
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
            values: dict[str, float] = _json(self.evaluation / MEASURES)
            return values
        if self.pending:
            return {}
        try:
            after = Run(self.run or "").summary.get("after", {})
        except AbsentError:
            return {}
        return {**after, "tokens_mean": after["tokens"]} if "tokens" in after else after

    @cached_property
    def values(self) -> Values:
        """What those are the means of, by task, where the evaluation's episodes are there."""
        if self.evaluation is None:
            return {}
        rows = read_json_lines(self.evaluation / EPISODES)
        return values_of([played_of(row) for row in rows if not row["greedy"]])


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
    return entries


def _entries(place: str, note: Callable[[str], None]) -> Iterator[Entry]:
    label, separator, path = place.partition("=")
    folder, method = (Path(path), label) if separator else (Path(place), None)
    if (folder / MANIFEST).is_file():
        yield from _of_sweep(folder, note)
    elif (folder / SETTINGS).is_file():
        yield _of_evaluation(folder, method)
    else:
        yield _of_run(folder, method)


def _of_run(folder: Path, method: str | None) -> Entry:
    config = Run(folder).config
    try:
        env, algorithm, seed = config["env"], config["algorithm"]["type"], config["seed"]
    except (KeyError, TypeError):
        raise CollmError(str(folder), "its config.yaml is no recipe.", "restore the file.") from None
    return Entry(env["type"], method or algorithm, seed, env, run=folder)


def _of_evaluation(folder: Path, method: str | None) -> Entry:
    settings = _json(folder / SETTINGS)
    env = settings["env"]
    return Entry(
        env["type"], method or settings["protocol"]["type"], settings["seed"], env, evaluation=folder
    )


def _of_sweep(path: Path, note: Callable[[str], None]) -> Iterator[Entry]:
    folder = SweepFolder(path)
    manifest = _json(path / MANIFEST)
    pending = manifest["grid"]["evaluation"] is not None
    for cell in manifest["cells"]:
        name, labels = cell["name"], dict(cell["labels"])
        domain, method, seed = (labels.pop(key) for key in ("domain", "method", "seed"))
        run, evaluation = folder.run(name), folder.evaluation(name)
        trained = cell["play"] is None and (run / "metrics.jsonl").is_file()
        played = (evaluation / MEASURES).is_file()
        if not (trained or played):
            note(f"{name}: nothing to tell yet.")
            continue
        section = Run(run).config["env"] if trained else _json(evaluation / SETTINGS)["env"]
        method = ", ".join([method, *map(str, labels.values())])
        places = run if trained else None, evaluation if played else None
        yield Entry(domain, method, seed, section, *places, pending=pending and not played)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AbsentError(str(file), "there is no such file.", "let the evaluation finish.") from None
    except ValueError:
        raise CollmError(str(file), "not valid JSON.", "restore the file.") from None
