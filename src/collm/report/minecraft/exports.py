"""Takes a run's test builds into the game: data packs and schematics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collm.errors import CollmError
from collm.report.minecraft.game_files import distinct_names, write_data_pack, write_schematic
from collm.report.minecraft.voxels import last_episodes, voxels_of
from collm.runs.folder import read_config


def export_builds(run: Path, out: Path) -> Iterator[Path]:
    """Write every test build of a finished run's last evaluation as a data pack and a schematic.

    Builds without a block are left out, since there is nothing to place.

    Args:
        run: the run folder.
        out: where the files go, two for each task, under names that the game accepts; whatever a task
            is called, nothing is written elsewhere.

    Raises:
        CollmError: if the run does not build or has not finished, or mcschematic is not installed.
    """
    env = read_config(run).env
    tasks = env.tasks("test")
    if voxels_of(env, tasks[0], []) is None:
        problem = f"the environment {env.type!r} builds nothing."
        raise CollmError(str(run), problem, "name a run of a Minecraft environment.")
    episodes = last_episodes(run, "after")
    if not episodes:
        mend = "let the run finish: collm train ... --resume."
        raise CollmError(str(run), "the evaluation after training is missing.", mend)
    out.mkdir(parents=True, exist_ok=True)
    names = distinct_names([task.id for task in tasks])
    for task, name in zip(tasks, names, strict=True):
        voxels = voxels_of(env, task, episodes.get(task.id, []))
        if voxels is not None and voxels.built:
            schematic = out / f"{name}.schem"
            write_schematic(voxels.world, schematic)
            yield schematic
            yield write_data_pack(voxels.world, out / name, name)
