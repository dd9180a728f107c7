"""The run folder: configuration, metrics, episodes, evaluations, checkpoints, summary.

docs/run-folder.md documents every file and key.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from collm.contract.held import hold
from collm.config.tree import RunConfig, make_config, plain
from collm.errors import CollmError
from collm.runs.files import (
    append_json_line,
    damage,
    read_json_lines,
    write_folder,
    write_json,
    write_json_lines,
    write_text,
)
from collm.runs.summary import summary_of
from collm.agents.team import CONFIG_FILE, Team
from collm.runs.versions import versions
from collm.base.yaml_text import read_yaml, to_yaml

_MAY_CHANGE = ("max_updates",)
_VERSIONS_FILE = "versions.json"
_CHECKPOINT = re.compile(r"update-(\d{6,})", re.ASCII)


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


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and writes of one run.

    Attributes:
        warn: called with one line when something is passed over, such as a damaged checkpoint.
    """

    path: Path
    warn: Callable[[str], None] = field(default=lambda line: None)

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def evaluations_file(self) -> Path:
        return self.path / "evaluations.jsonl"

    @property
    def summary_file(self) -> Path:
        return self.path / "summary.json"

    def check_free(self) -> None:
        """Test that a new run may be written here.

        Raises:
            CollmError: if something lies there already.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            problem, mend = "this is a file.", "name a folder that is empty or not there yet."
            if self.path.is_dir():
                problem = "the folder is not empty."
                mend = "choose another --out, or add --resume to go on with the run that lies there."
            raise CollmError(f"--out {self.path}", problem, mend)

    def start(self, config: RunConfig) -> None:
        """Claim an empty or absent folder for a new run.

        Raises:
            CollmError: if something lies there already.
        """
        self.check_free()
        self._begin(config)

    def _begin(self, config: RunConfig) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / _VERSIONS_FILE, {**versions(), "notices": list(hold(config.env).notices())})
        write_text(self.path / CONFIG_FILE, to_yaml(plain(config)))

    def find(self, config: RunConfig) -> Checkpoint | None:
        """The checkpoint to go on from, ``None`` to begin anew. Nothing is written.

        Raises:
            CollmError: if the recipe differs from the run's, the folder holds something else, a log
                is broken, or there are checkpoints but no whole one.
        """
        if not (self.path / CONFIG_FILE).is_file():
            if self.path.exists() and not self._is_beginning():
                mend = "name the folder of a run that was started with collm train."
                raise CollmError(f"--out {self.path}", "there is no run to resume here.", mend)
            self.warn(f"There is nothing to resume in {self.path}; this is a new run.")
            return None
        self._check_same(config)
        for file in self._logs:
            _logged(file)
        checkpoint = self.latest()
        if checkpoint is None and self._checkpoints():
            mend = "restore one of them, or start again with another --out."
            raise CollmError(f"--out {self.path}", "all its checkpoints are damaged.", mend)
        return checkpoint

    def _is_beginning(self) -> bool:
        """Whether there is nothing but what a run writes before its configuration."""
        return self.path.is_dir() and all(
            path.name == _VERSIONS_FILE or path.suffix == ".partial" for path in self.path.iterdir()
        )

    def take_up(self, config: RunConfig, checkpoint: Checkpoint | None) -> None:
        """Drop what followed the checkpoint, so that the run goes on as if it had not stopped.

        Raises:
            CollmError: if a log is broken; nothing is written then.
        """
        update = -1 if checkpoint is None else checkpoint.counters.update
        kept = {file: _before(_logged(file), update) for file in self._logs}
        self._forget_the_end(kept[self.evaluations_file], checkpoint)
        if checkpoint is None:
            self._begin(config)
        else:
            write_text(self.path / CONFIG_FILE, to_yaml(plain(config)))
        for file, rows in kept.items():
            write_json_lines(file, rows)
        for path in self._checkpoints():
            if checkpoint is not None and _number(path) > _number(checkpoint.path):
                shutil.rmtree(path)

    def _forget_the_end(
        self, evaluations: Sequence[Mapping[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        """Drop what a finished run says of its last team, which is about to learn on."""
        if checkpoint is None:
            self.summary_file.unlink(missing_ok=True)
        elif self.summary_file.is_file():
            self.write_summary(summary_of(asdict(checkpoint.counters), evaluations, finished=False))
        for name in ("evaluation-after", "evaluation-after-greedy"):
            (self.path / "episodes" / f"{name}.jsonl").unlink(missing_ok=True)

    def _check_same(self, config: RunConfig) -> None:
        stored, given = plain(read_config(self.path)), plain(config)
        for tree in (stored, given):
            for key in _MAY_CHANGE:
                tree["training"].pop(key)
        changed = sorted(_differences(stored, given))
        if changed:
            problem = f"the recipe differs from the run's in {', '.join(changed)}."
            mend = "resume with the same recipe and overrides; only training.max_updates may change."
            raise CollmError(f"--out {self.path}", problem, mend)

    def log(self, metrics: Mapping[str, Any]) -> None:
        append_json_line(self.metrics_file, metrics)

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        append_json_line(self.evaluations_file, row)

    def metrics(self) -> list[dict[str, Any]]:
        return read_json_lines(self.metrics_file)

    def evaluations(self) -> list[dict[str, Any]]:
        return read_json_lines(self.evaluations_file)

    def write_episodes(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the turns of an update or an evaluation as readable rows."""
        folder = self.path / "episodes"
        folder.mkdir(exist_ok=True)
        write_json_lines(folder / f"{name}.jsonl", rows)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_json(self.summary_file, summary)

    def save(self, team: Team, config: RunConfig, counters: Counters) -> None:
        """Write a checkpoint in one step and drop the oldest ones."""

        def fill(folder: Path) -> None:
            team.save(folder)
            write_text(folder / CONFIG_FILE, to_yaml(plain(config)))
            write_json(folder / "counters.json", asdict(counters))

        write_folder(self.path / "checkpoints" / f"update-{counters.update:06d}", fill)
        for old in self._checkpoints()[: -config.training.keep_checkpoints]:
            shutil.rmtree(old)

    def latest(self) -> Checkpoint | None:
        """The newest whole checkpoint; damaged ones are named and passed over."""
        for path in reversed(self._checkpoints()):
            problem = damage(path)
            if problem is None:
                return Checkpoint(path, Counters(**json.loads((path / "counters.json").read_text())))
            self.warn(f"{path} is damaged ({problem}); trying the checkpoint before it.")
        return None

    def _checkpoints(self) -> list[Path]:
        """The folders that runs write, in order; whatever else lies there is left alone."""
        found = (self.path / "checkpoints").glob("update-*")
        return sorted(
            (path for path in found if _CHECKPOINT.fullmatch(path.name) and path.is_dir()), key=_number
        )

    @property
    def _logs(self) -> tuple[Path, Path]:
        return self.metrics_file, self.evaluations_file


def read_config(folder: Path) -> RunConfig:
    """The resolved configuration of a run or a checkpoint.

    Raises:
        CollmError: if there is none or it is broken.
    """
    file = folder / CONFIG_FILE
    if not file.is_file():
        mend = "name a run folder, or a folder below its checkpoints."
        raise CollmError(str(folder), f"no {CONFIG_FILE} here, so this is no run.", mend)
    values = read_yaml(file)
    return make_config(values if isinstance(values, dict) else {}, str(file))


def _number(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("update-"))


def _logged(file: Path) -> list[dict[str, Any]]:
    """The rows of a log, each with the number of its update."""
    rows = read_json_lines(file)
    for number, row in enumerate(rows, start=1):
        if type(row.get("update")) is not int:
            problem = f"update is {row.get('update')!r}, which is no whole number."
            raise CollmError(f"{file}, line {number}", problem, "restore the line, or remove it.")
    return rows


def _before(rows: Iterable[Mapping[str, Any]], update: int) -> list[Mapping[str, Any]]:
    """The rows up to an update, without the evaluation that ended the run."""
    return [row for row in rows if row["update"] <= update and row.get("name") != "after"]


def _differences(one: Any, other: Any, path: str = "") -> Iterable[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path
