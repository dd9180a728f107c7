"""Arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def complete_recipe(incomplete: str) -> list[str]:
    """The shipped recipes that begin so, for the shell's completion."""
    from collm.config.recipes import shipped

    return [name for name in shipped() if name.startswith(incomplete)]


Overrides = Annotated[list[str] | None, typer.Argument(help="Overrides such as training.max_updates=5.")]
Recipe = Annotated[
    str,
    typer.Argument(help="A YAML file or the name of a shipped recipe.", autocompletion=complete_recipe),
]
