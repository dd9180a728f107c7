"""``collm sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.sweep.grid import Grid
    from collm.sweep.places import Place
    from collm.sweep.running import Outcome

_FITTING = "Cells at a time; by default one for each GPU, else for each core."
_WHERE = "Where cells run: local; ray, the Ray cluster of this machine; or ray:HOST:PORT."


def sweep(
    grid: Annotated[Path, typer.Argument(help="A YAML file with domains, methods and seeds.")],
    out: Annotated[Path | None, typer.Option(help="The sweep's folder; runs/GRID by default.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help=_FITTING)] = None,
    on: Annotated[str, typer.Option(help=_WHERE)] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every cell and print their commands; run nothing.")
    ] = False,
) -> None:
    """Run a grid of methods, domains and seeds, each cell a run of its own; go on with what is there."""
    from collm.sweep.grid import read_grid

    _check_place(on)
    found, folder = read_grid(grid), out or Path("runs") / grid.stem
    try:
        if dry_run:
            _tell_commands(found, folder)
            return
        outcomes = _run(found, folder, _place(on, jobs))
    except CollmError as error:
        if error.where != f"--out {folder}":  # a cell, whose recipe the grid makes
            error.file = ": ".join(filter(None, (str(grid), error.file)))
        raise
    states = {outcome.state for outcome in outcomes}
    if states & {"stopped", "waiting"}:
        raise typer.Exit(130)
    if "failed" in states:
        raise typer.Exit(1)


def _place(name: str, jobs: int | None) -> Place:
    """Where cells run, by name."""
    from collm.sweep.local import Local

    kind, _, address = name.partition(":")
    if kind == "ray":
        from collm.sweep.on_ray import OnRay

        return OnRay(address or "auto", jobs)
    return Local.fitting(jobs)


def _check_place(name: str) -> None:
    if name != "local" and name.partition(":")[0] != "ray":
        raise CollmError("--on", f"there is no place {name!r}.", "use local, ray or ray:HOST:PORT.")


def _tell_commands(grid: Grid, out: Path) -> None:
    import shlex

    from collm.sweep.cells import cells_of
    from collm.sweep.folder import SweepFolder

    for cell in cells_of(grid):
        for command in SweepFolder(out).job(cell, grid).commands:
            typer.echo(shlex.join(["collm", *command]))


def _run(grid: Grid, out: Path, place: Place) -> Sequence[Outcome]:
    """Run the cells while a person watches, and tell what came of them."""
    from rich.console import Console

    from collm.sweep.display import SweepDisplay, told
    from collm.sweep.folder import SUMMARY, SweepFolder
    from collm.sweep.running import sweep as run

    folder, console = SweepFolder(out), Console()
    with SweepDisplay(console, folder) as display:
        outcomes = run(grid, out, place, display)
    console.print(told(outcomes))
    for outcome in outcomes:
        if outcome.state == "failed":
            display.note(f"failed: {outcome.name}, see {outcome.log}")
    display.note(f"summary: {out / SUMMARY}")
    return outcomes
