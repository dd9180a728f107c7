"""Takes a building run's test builds into the game: data packs and schematics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collm.envs.minecraft.building import Building
from collm.errors import CollmError
from collm.report.minecraft import function_name, write_data_pack, write_schematic
from collm.report.minecraft_pictures import built_world, last_turns
from collm.runs.folder import read_config


def export_builds(run: Path, out: Path) -> Iterator[Path]:
    """Write every test build of a finished run's last evaluation as a data pack and a schematic.

    Builds without a block are left out, since there is nothing to place.

    Args:
        run: the run folder.
        out: where the files go, two for each task.

    Raises:
        CollmError: if the run does not build or has not finished, or mcschematic is not installed.
    """
    env = read_config(run).env
    if not isinstance(env, Building):
        problem = f"the environment {env.type!r} builds nothing."
        raise CollmError(str(run), problem, "name a run of a Minecraft environment.")
    rows = last_turns(run, "after")
    if not rows:
        mend = "let the run finish: collm train ... --resume."
        raise CollmError(str(run), "the evaluation after training is missing.", mend)
    out.mkdir(parents=True, exist_ok=True)
    for task in env.tasks("test"):
        world = built_world(env, task, rows[task.id]) if task.id in rows else {}
        if world:
            name = function_name(task.id)
            schematic = out / f"{name}.schem"
            write_schematic(world, schematic)
            yield schematic
            yield write_data_pack(world, out / name, name)
