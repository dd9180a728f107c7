"""``collm new``: skeletons of an environment or of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Write the skeleton of something new.")

Name = Annotated[str, typer.Argument(help="A module's name, such as my_game.")]
Out = Annotated[Path, typer.Option(help="Where the files go.")]


@app.command("env")
def new_env(name: Name, out: Out = Path()) -> None:
    """Write an environment of your own, with tests and a recipe, ready to run."""
    from collm.cli.scaffold import new_environment

    module, tests, recipe = new_environment(name, out)
    _tell([module, tests, recipe], f"pytest {tests.name}", f"collm train {recipe.name}")


@app.command("task")
def new_task(name: Name, out: Out = Path()) -> None:
    """Write a CSV file, a reward function and a whole recipe, ready to run: one turn, no class."""
    from collm.cli.scaffold import new_task as write

    table, module, recipe = write(name, out)
    _tell([table, module, recipe], f"collm train {recipe.name} --dry-run", f"collm train {recipe.name}")


def _tell(written: list[Path], *commands: str) -> None:
    *first, last = written
    typer.echo(f"wrote {', '.join(map(str, first))} and {last}. In that folder:")
    for command in commands:
        typer.echo(f"  {command}")
