"""The picture of a building run: the target beside what was built before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from collm.env import AnyEnvironment
from collm.report.minecraft.builds import draw_builds
from collm.report.minecraft.voxels import Row, last_episodes, voxels_of

Episodes = Mapping[str, list[Row]]


def draw_before_and_after(env: AnyEnvironment, folder: Path) -> Path | None:
    """Draw ``build.png`` from the last turns of the kept evaluations, greedy ones if there are any.

    The task is the test task whose reward changed by the median amount: neither the best nor the worst.

    Returns:
        The picture's path; ``None`` if the environment builds nothing or there is no episode to compare.

    Raises:
        CollmError: if the environment does not say in the agreed form what was built.
    """
    before, after = (last_episodes(folder, name) for name in ("before", "after"))
    tasks = {task.id: task for task in env.tasks("test") if task.id in before and task.id in after}
    if not tasks:
        return None
    task = tasks[typical(before, after, list(tasks))]
    first, last = (voxels_of(env, task, rows[task.id]) for rows in (before, after))
    if first is None or last is None or not last.target:
        return None
    panels = [
        ("target", last.wanted),
        (f"before training\n{_caption(env, before[task.id][-1])}", first.world),
        (f"after training\n{_caption(env, after[task.id][-1])}", last.world),
    ]
    path = folder / "build.png"
    draw_builds(panels, path, {**first.legend, **last.legend})
    return path


def typical(before: Episodes, after: Episodes, tasks: list[str]) -> str:
    """The task whose last reward changed by the median amount."""

    def change(task: str) -> float:
        return float(after[task][-1]["raw_reward"] - before[task][-1]["raw_reward"])

    return sorted(tasks, key=change)[len(tasks) // 2]


def _caption(env: AnyEnvironment, row: Row) -> str:
    named = {"reward": row["raw_reward"], **row["metrics"]}
    return "  ".join(f"{name} {named[name]:.2f}" for name in ("reward", *env.headline) if name in named)
