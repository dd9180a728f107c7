"""``collm eval``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from collm.cli.arguments import Overrides
from collm.cli.notes import tell_notices, warn
from collm.errors import CollmError


def evaluate(
    folder: Annotated[
        str, typer.Argument(help="A run, one of its checkpoints, or a recipe (the untrained team).")
    ],
    overrides: Overrides = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Evaluate a run or a saved team on a split."""
    if split not in ("train", "test"):
        raise CollmError("--split", f"no split {split!r}.", "use train or test.")
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    from collm.config.naming import named_after
    from collm.evaluation.evaluate import evaluate as measure
    from collm.evaluation.saved import open_team

    config, agents, name = open_team(folder, overrides or [], warn=warn)
    tell_notices(config.env)
    with named_after(folder):
        found = measure(config.env, agents, config.evaluation, config.seed, split)  # type: ignore[arg-type]
    if as_json:
        typer.echo(json.dumps({"team": name, "split": split, **found.measures}, allow_nan=False))
        return
    from rich.console import Console

    from collm.report.console import measures_table

    typer.echo(f"{name}, {split} tasks")  # outside the table, which would fold a long path
    Console().print(measures_table(found.measures))
