"""What kept episodes built, as their environment tells it, whichever environment that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from collm.base.settings import Settings
from collm.base.validation import validated
from collm.contract.boundary import boundary
from collm.env import AnyEnvironment, Task
from collm.envs.minecraft.blueprint import Point
from collm.runs.files import read_json_lines

Row = dict[str, Any]
Cell = tuple[int, int, int, str]


class Voxels(Settings):
    """A panel of the kind ``voxels``; :meth:`collm.env.Environment.panel` has the fields' meaning."""

    kind: Literal["voxels"]
    built: tuple[Cell, ...]
    target: tuple[Cell, ...]
    legend: dict[str, Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]]

    @property
    def world(self) -> dict[Point, str]:
        """What was built, by cell."""
        return _by_cell(self.built)

    @property
    def wanted(self) -> dict[Point, str]:
        """The target, by cell."""
        return _by_cell(self.target)


def voxels_of(env: AnyEnvironment, task: Task, rows: Sequence[Row]) -> Voxels | None:
    """What the rows of an episode built; ``None`` if the environment builds nothing.

    Raises:
        CollmError: if the environment's ``panel`` raises or does not fit.
    """
    where = f"environment {env.type!r}, task {task.id!r}"
    with boundary("panel", where):
        panel = env.panel(task, [row["replies"] for row in rows])
    if not isinstance(panel, Mapping) or panel.get("kind") != "voxels":
        return None
    return validated(Voxels, panel, f"{where}: panel")


def last_episodes(folder: Path, name: str) -> dict[str, list[Row]]:
    """By task the rows of its first episode in the evaluation ``before`` or ``after``, greedy if kept."""
    episodes = folder / "episodes"
    greedy = episodes / f"evaluation-{name}-greedy.jsonl"
    by_task: dict[str, list[Row]] = {}
    for row in read_json_lines(greedy if greedy.is_file() else episodes / f"evaluation-{name}.jsonl"):
        if "failure" not in row:
            known = by_task.setdefault(row["task"], [])
            if not known or row["tree"] == known[0]["tree"]:
                known.append(row)
    return by_task


def _by_cell(cells: Sequence[Cell]) -> dict[Point, str]:
    return {(x, y, z): block for x, y, z, block in cells}
