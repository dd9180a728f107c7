"""The run folder as a run writes it: begun, gone on with, logged to, saved into.

docs/run-folder.md documents every file and key. :class:`collm.runs.run.Run` reads it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from collm.base.yaml_text import read_yaml, to_yaml
from collm.config.tree import RunConfig, make_config, plain
from collm.contract.held import hold
from collm.errors import CollmError
from collm.runs.checkpoints import Checkpoint, Counters, Saveable, latest_checkpoint, write_checkpoint
from collm.runs.files import append_json_line, read_json_lines, write_json, write_json_lines, write_text
from collm.runs.layout import CONFIG_FILE, Layout, evaluation_name, update_of
from collm.runs.lock import check_no_file
from collm.runs.logs import read_log, rows_up_to
from collm.runs.sameness import check_same
from collm.runs.summary import summary_of
from collm.runs.versions import versions

__all__ = ["Checkpoint", "Counters", "RunFolder", "read_config"]

_OF_TRACKERS = ("tensorboard", "wandb")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Writes of one run.

    Attributes:
        warn: called with one line when something is passed over, such as a damaged checkpoint.
    """

    path: Path
    warn: Callable[[str], None] = field(default=lambda line: None)

    @property
    def layout(self) -> Layout:
        return Layout(self.path)

    # Beginning

    def check_free(self) -> None:
        """Test that a new run may be written here: nothing lies there, or a run that made no update.

        Raises:
            CollmError: if something else lies there already.
        """
        check_no_file(self.path)
        if not self._is_beginning():
            problem = "the folder is not empty."
            mend = "choose another --out, or add --resume to go on with the run that lies there."
            raise CollmError(f"--out {self.path}", problem, mend)

    def start(self, config: RunConfig) -> None:
        """Claim a free folder for a new run.

        Raises:
            CollmError: if something lies there already.
        """
        self.check_free()
        self._begin(config)

    def _begin(self, config: RunConfig) -> None:
        """Write what a run begins with, in the place of an earlier beginning."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.layout.evaluations.unlink(missing_ok=True)
        shutil.rmtree(self.layout.all_episodes, ignore_errors=True)
        about = {**versions(), "notices": list(hold(config.env).notices())}
        write_json(self.layout.versions, about)
        write_text(self.layout.config, to_yaml(plain(config)))

    def _is_beginning(self) -> bool:
        """Whether there is nothing but what a run writes before its first update."""
        layout = self.layout
        there = set(self.path.iterdir()) if self.path.is_dir() else set()
        expected = {layout.versions, layout.lock, *(self.path / name for name in _OF_TRACKERS)}
        if {layout.versions, layout.config} <= there:
            expected |= {layout.config, layout.evaluations, layout.all_episodes}
        expected |= {layout.episodes(evaluation_name("before", greedy)) for greedy in (False, True)}
        paths = there | set(layout.all_episodes.glob("*"))
        return all(path in expected or path.suffix == ".partial" for path in paths)

    # Going on

    def find(self, config: RunConfig) -> Checkpoint | None:
        """The checkpoint to go on from, ``None`` to begin anew. Nothing is written.

        Raises:
            CollmError: if the recipe differs from the run's, the folder holds something else, a log
                is broken, or there are checkpoints but no whole one.
        """
        check_no_file(self.path)
        if self._is_beginning():
            self.warn(f"There is nothing to resume in {self.path}; this is a new run.")
            return None
        if not self.layout.config.is_file():
            mend = "name the folder of a run that was started with collm train."
            raise CollmError(f"--out {self.path}", "there is no run to resume here.", mend)
        check_same(plain(read_config(self.path)), plain(config), self.path)
        for file in self._logs:
            read_log(file)
        checkpoint = self.latest()
        if checkpoint is None and self.layout.checkpoints():
            mend = "restore one of them, or start again with another --out."
            raise CollmError(f"--out {self.path}", "all its checkpoints are damaged.", mend)
        return checkpoint

    def take_up(self, config: RunConfig, checkpoint: Checkpoint | None) -> None:
        """Drop what followed the checkpoint, so that the run goes on as if it had not stopped.

        Raises:
            CollmError: if a log is broken; nothing is written then.
        """
        update = -1 if checkpoint is None else checkpoint.counters.update
        kept = {file: rows_up_to(read_log(file), update) for file in self._logs}
        self._forget_the_end(kept[self.layout.evaluations], checkpoint)
        if checkpoint is None:
            self._begin(config)
        else:
            write_text(self.layout.config, to_yaml(plain(config)))
        for file, rows in kept.items():
            write_json_lines(file, rows)
        for path in self.layout.episodes_after(update):
            path.unlink()
        for path in self.layout.checkpoints():
            if checkpoint is not None and update_of(path) > update_of(checkpoint.path):
                shutil.rmtree(path)

    def _forget_the_end(
        self, evaluations: Sequence[Mapping[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        """Drop what a finished run says of its last team, which is about to learn on."""
        if checkpoint is None:
            self.layout.summary.unlink(missing_ok=True)
        elif self.layout.summary.is_file():
            self.write_summary(summary_of(asdict(checkpoint.counters), evaluations, finished=False))
        for greedy in (False, True):
            self.layout.episodes(evaluation_name("after", greedy)).unlink(missing_ok=True)

    # Writing

    def log(self, metrics: Mapping[str, Any]) -> None:
        append_json_line(self.layout.metrics, metrics)

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        append_json_line(self.layout.evaluations, row)

    def evaluations(self) -> list[dict[str, Any]]:
        return read_json_lines(self.layout.evaluations)

    def write_episodes(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the turns of an update or an evaluation as readable rows."""
        self.layout.all_episodes.mkdir(exist_ok=True)
        write_json_lines(self.layout.episodes(name), rows)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_json(self.layout.summary, summary)

    def save(self, team: Saveable, config: RunConfig, counters: Counters) -> None:
        """Write a checkpoint in one step and drop the oldest ones."""
        text = to_yaml(plain(config))
        write_checkpoint(self.layout, team, text, counters, config.training.keep_checkpoints)

    def latest(self) -> Checkpoint | None:
        """The newest whole checkpoint; damaged ones are named and passed over."""
        return latest_checkpoint(self.layout, self.warn)

    @property
    def _logs(self) -> tuple[Path, Path]:
        return self.layout.metrics, self.layout.evaluations


def read_config(folder: Path) -> RunConfig:
    """The resolved configuration of a run or a checkpoint.

    Raises:
        CollmError: if there is none or it is broken.
    """
    file = Layout(folder).config
    if not file.is_file():
        mend = "name a run folder, or a folder below its checkpoints."
        raise CollmError(str(folder), f"no {CONFIG_FILE} here, so this is no run.", mend)
    values = read_yaml(file)
    return make_config(values if isinstance(values, dict) else {}, str(file))
