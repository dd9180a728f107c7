"""The picture of a building run: the target beside what the team built before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collm.env import AnyEnvironment
from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.building import Building, BuildState
from collm.envs.minecraft.housebuild import HouseBuild
from collm.report.builds import draw_builds
from collm.runs.files import read_json_lines

LastTurns = dict[str, dict[str, Any]]
"""For each task the row of its first episode's last turn."""


def draw_before_and_after(env: AnyEnvironment, folder: Path) -> Path | None:
    """Draw ``build.png`` from the last turns of the kept evaluations, greedy ones if there are any.

    The house is the test house whose reward changed by the median amount: neither the best nor the worst.

    Returns:
        The picture's path; ``None`` for other environments, or if an evaluation's episodes are missing.
    """
    if not isinstance(env, HouseBuild):
        return None
    before, after = (last_turns(folder, name) for name in ("before", "after"))
    tasks = {task.id: task for task in env.tasks("test") if task.id in before and task.id in after}
    if not tasks:
        return None
    task = tasks[typical(before, after, list(tasks))]
    panels: list[tuple[str, Mapping[Point, str]]] = [("target", task.target())]
    for title, rows in (("before training", before), ("after training", after)):
        row = rows[task.id]
        world = built_world(env, task, row)
        measures = row["metrics"]
        caption = f"match {measures['match']:.2f}  IoU {measures['iou']:.2f}  HP {measures['hp']:.0%}"
        panels.append((f"{title}\n{caption}", world))
    path = folder / "build.png"
    draw_builds(panels, path)
    return path


def typical(before: LastTurns, after: LastTurns, tasks: list[str]) -> str:
    """The task whose last reward changed by the median amount."""

    def change(task: str) -> float:
        return float(after[task]["raw_reward"] - before[task]["raw_reward"])

    return sorted(tasks, key=change)[len(tasks) // 2]


def built_world(env: Building[Any], task: Any, row: Mapping[str, Any]) -> dict[Point, str]:
    """What the replies of a kept turn build."""
    state: BuildState[Any] = env.step(env.reset(task, 0), row["replies"]).state
    return state.world


def last_turns(folder: Path, name: str) -> LastTurns:
    """The last turns of an evaluation named ``before`` or ``after``, greedy ones if there are any."""
    episodes = folder / "episodes"
    greedy = episodes / f"evaluation-{name}-greedy.jsonl"
    found: LastTurns = {}
    for row in read_json_lines(greedy if greedy.is_file() else episodes / f"evaluation-{name}.jsonl"):
        if "failure" in row:
            continue
        known = found.get(row["task"])
        if known is None or (row["tree"] == known["tree"] and row["turn"] > known["turn"]):
            found[row["task"]] = row
    return found
