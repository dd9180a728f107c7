"""``collm recipes``."""

from __future__ import annotations

from typing import Annotated

import typer

from collm.cli.arguments import complete_recipe


def recipes(
    show: Annotated[
        str | None,
        typer.Option(help="Print this recipe, to copy and change.", autocompletion=complete_recipe),
    ] = None,
) -> None:
    """List the shipped recipes, or print one."""
    from collm.config.recipes import describe, find, shipped

    if show is not None:
        typer.echo(find(show).read_text(encoding="utf-8"), nl=False)
        return
    names = shipped()
    width = max(map(len, names))
    for name, path in names.items():
        typer.echo(f"{name:<{width}}  {describe(path)}")
