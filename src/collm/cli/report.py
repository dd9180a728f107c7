"""``collm report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collm.cli.notes import warn

_PLACES = "Folders of sweeps, runs and evaluations; METHOD=FOLDER names the method of one."


def report(
    places: Annotated[list[str], typer.Argument(help=_PLACES)],
    out: Annotated[Path, typer.Option(help="The folder for tables and pictures.")] = Path("report"),
    marl_eval: Annotated[
        Path | None, typer.Option(help="Write the evaluations here too, as raw data for marl-eval.")
    ] = None,
) -> None:
    """Make the papers' figure and tables of runs: PNG, SVG, Markdown, LaTeX, CSV and one HTML page."""
    from collm.report.entries import collect, grouped
    from collm.report.pages import write_report
    from collm.report.raw_data import marl_eval as raw
    from collm.report.raw_data import optional_aggregates
    from collm.runs.files import write_json

    groups = grouped(collect(places, warn))
    further, absent = optional_aggregates(groups)
    if absent is not None:
        warn(absent)
    files = write_report(groups, out, further)
    if marl_eval is not None:
        write_json(marl_eval, raw(groups))
        files.append(marl_eval)
    for file in files:
        typer.echo(f"wrote {file}")
