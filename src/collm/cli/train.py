"""``collm train``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collm.cli.arguments import Overrides, Recipe

if TYPE_CHECKING:
    from rich.console import Console

    from collm.config.tree import RunConfig
    from collm.training.loop import Result


def train(
    recipe: Recipe,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    start_from: Annotated[
        Path | None,
        typer.Option("--from", help="A run or a checkpoint whose weights the team starts from."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print config, sizes and memory; run nothing.")
    ] = False,
) -> None:
    """Train a team and keep everything in a run folder."""
    from collm.config.naming import named_after
    from collm.config.recipes import load_recipe, run_name

    overrides = [*(overrides or []), *_starting(start_from)]
    config = load_recipe(recipe, overrides)
    from rich.console import Console

    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()
    spare_absent_hub()
    console = Console()
    with named_after(recipe):
        if dry_run:
            from collm.report.dry_run import print_dry_run

            print_dry_run(config, console)
            return
        folder = out or Path("runs") / run_name(recipe)
        result = _trained(config, folder, console, resume)
    if result.interrupted:
        command = shlex.join(["collm", "train", recipe, *overrides, "--out", str(folder), "--resume"])
        console.print(f"Saved. Go on with: {command}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130)


def _starting(start_from: Path | None) -> list[str]:
    """``--from`` as the setting that it is short for."""
    return [] if start_from is None else [f"training.start_from={json.dumps(str(start_from))}"]


def _trained(config: RunConfig, folder: Path, console: Console, resume: bool) -> Result:
    """Train while a person watches, and tell what came of it."""
    from collm.report.console import ConsoleDisplay
    from collm.report.finish import print_result
    from collm.runs.faults import faults_told
    from collm.training.run import train as run

    display = ConsoleDisplay(console, config.env.headline)
    with faults_told(str(folder)):
        try:
            result = run(config, folder, display, resume)
        finally:
            display.close()
        if not result.interrupted:
            print_result(config, folder, result.summary, console)
    return result
