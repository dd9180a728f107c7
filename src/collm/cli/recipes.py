"""``collm recipes``."""

from __future__ import annotations

from typing import Annotated

import typer

from collm.cli.arguments import complete_recipe
from collm.errors import CollmError


def recipes(
    show: Annotated[
        str | None,
        typer.Option(help="Print this recipe, to copy and change.", autocompletion=complete_recipe),
    ] = None,
    methods: Annotated[
        bool, typer.Option("--methods", help="List every method, and how to train each domain with it.")
    ] = False,
) -> None:
    """List the shipped recipes or all methods, or print a recipe."""
    from collm.config.recipes import describe, find, shipped

    if methods and show is not None:
        raise CollmError("--show", "does nothing beside --methods.", "leave one of them out.")
    if methods:
        _list_methods()
        return
    if show is not None:
        typer.echo(find(show).read_text(encoding="utf-8"), nl=False)
        return
    names = shipped()
    width = max(map(len, names))
    for name, path in names.items():
        typer.echo(f"{name:<{width}}  {describe(path)}")


def _list_methods() -> None:
    """Each method in a line, then its command in each domain."""
    from collm.config.methods import about, ways

    every = list(ways())
    names = list(dict.fromkeys(way.method for way in every))
    width = max(map(len, names))
    for name in names:
        typer.echo(f"{name:<{width}}  {about(name)}")
    for way in every:
        typer.echo(f"{way.method:<{width}}  collm train {' '.join((way.recipe, *way.overrides))}")
