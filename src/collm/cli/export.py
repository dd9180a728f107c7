"""``collm export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collm.cli.notes import warn


def export(
    run: Annotated[Path, typer.Argument(help="A run; for builds a finished one of a Minecraft environment.")],
    merged: Annotated[
        bool, typer.Option("--merged", help="Write the agents as ordinary models, adapters merged.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write into; builds, or merged, by default.")
    ] = None,
) -> None:
    """Write a run's test builds as data packs and schematics, or its agents as ordinary models."""
    if merged:
        from collm.base.quiet import quiet_libraries, spare_absent_hub

        quiet_libraries()  # before they are imported
        spare_absent_hub()
        from collm.evaluation.merging import export_team

        paths = export_team(str(run), out or Path("merged"), warn)
    else:
        from collm.report.minecraft.exports import export_builds

        paths = export_builds(run, out or Path("builds"))
    for path in paths:
        typer.echo(str(path))
