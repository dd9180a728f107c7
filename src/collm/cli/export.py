"""``collm export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="A finished run of a Minecraft environment.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("builds"),
) -> None:
    """Write a run's test builds as data packs and schematics that a player can load."""
    from collm.report.minecraft.exports import export_builds

    for path in export_builds(run, out):
        typer.echo(str(path))
