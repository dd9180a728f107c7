"""``collm data``: the datasets that recipes name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Get the datasets that recipes name.")

Folder = Annotated[Path, typer.Option("--in", help="The folder that you run from.")]


@app.command("list")
def list_datasets() -> None:
    """List the datasets: the environment, what a recipe calls it, where it comes from."""
    from collm.data.known import KNOWN

    width = max(map(len, KNOWN))
    for name, known in KNOWN.items():
        source = "the hub" if known.source == known.dataset else known.source
        typer.echo(f"{name:<{width}}  env.type={known.domain} env.dataset={known.dataset}, from {source}")
    typer.echo("Without env.dataset, every environment plays tasks of our own, which come with the package.")


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="A name that collm data list shows.")], folder: Folder = Path()
) -> None:
    """Get a dataset and put it where the recipes look for it."""
    from collm.base.quiet import spare_absent_hub
    from collm.data.known import dataset_named

    known = dataset_named(name)
    spare_absent_hub()
    typer.echo(known.fetch(folder))
