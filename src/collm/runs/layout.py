"""Where everything of a run lies: the one place that spells the names of a run folder's files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CONFIG_FILE = "config.yaml"
COUNTERS_FILE = "counters.json"
_EPISODES = re.compile(r"(?:evaluation-)?update-(\d{6,})(?:-greedy)?\.jsonl", re.ASCII)
_CHECKPOINT = re.compile(r"update-(\d{6,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one run; nothing is read or written."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / CONFIG_FILE

    @property
    def versions(self) -> Path:
        return self.path / "versions.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations.jsonl"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def curve(self) -> Path:
        return self.path / "curve.png"

    @property
    def build(self) -> Path:
        return self.path / "build.png"

    @property
    def lock(self) -> Path:
        """There while a process works on the run."""
        return self.path / ".lock"

    @property
    def all_episodes(self) -> Path:
        return self.path / "episodes"

    @property
    def all_checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def episodes(self, name: str) -> Path:
        """The turns of an update or an evaluation."""
        return self.all_episodes / f"{name}.jsonl"

    def episodes_after(self, update: int) -> list[Path]:
        """Those of later updates, and of evaluations after them."""
        found = ((_EPISODES.fullmatch(path.name), path) for path in self.all_episodes.glob("*update-*.jsonl"))
        return [path for match, path in found if match and int(match[1]) > update]

    def checkpoint(self, update: int) -> Path:
        return self.all_checkpoints / update_name(update)

    def checkpoints(self) -> list[Path]:
        """The folders that runs write, in order; whatever else lies there is left alone."""
        folders = self.all_checkpoints.glob("update-*")
        ours = [path for path in folders if _CHECKPOINT.fullmatch(path.name) and path.is_dir()]
        return sorted(ours, key=update_of)


def update_name(update: int) -> str:
    """What an update's checkpoint, episodes and evaluation are called."""
    return f"update-{update:06d}"


def evaluation_name(name: str, greedy: bool = False) -> str:
    """What the episodes of an evaluation are called."""
    return f"evaluation-{name}-greedy" if greedy else f"evaluation-{name}"


def update_of(checkpoint: Path) -> int:
    """The update after which a checkpoint was written."""
    return int(checkpoint.name.removeprefix("update-"))
