"""``collm estimate``."""

from __future__ import annotations

from typing import Annotated

import typer

from collm.cli.arguments import Overrides, Recipe


def estimate(
    recipe: Recipe,
    overrides: Overrides = None,
    gpu: Annotated[float, typer.Option(help="Memory of each device in GiB.", min=0.1)] = 80.0,
) -> None:
    """Say whether a recipe fits devices of some size, and which settings make it fit."""
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    from rich.console import Console

    from collm.config.naming import named_after
    from collm.config.recipes import load_recipe
    from collm.report.dry_run import print_memory

    config = load_recipe(recipe, overrides or [])
    with named_after(recipe):
        print_memory(config, Console(), gpu)
