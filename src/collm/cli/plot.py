"""``collm plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def plot(
    runs: Annotated[list[str], typer.Argument(help="Run folders; LABEL=FOLDER puts runs in one group.")],
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("comparison.png"),
    metric: Annotated[str, typer.Option(help="A key of metrics.jsonl or evaluations.jsonl.")] = "return_mean",
    of: Annotated[
        Literal["train", "test", "greedy"],
        typer.Option(help="Training episodes, or evaluations on the test tasks, sampled or greedy."),
    ] = "train",
) -> None:
    """Draw runs in one figure, grouped, with 95 % bootstrap intervals."""
    from collm.report.curves import draw_comparison

    groups: dict[str, list[Path]] = {}
    for run in runs:
        label, separator, folder = run.partition("=")
        groups.setdefault(label if separator else Path(run).name, []).append(
            Path(folder if separator else run)
        )
    draw_comparison(groups, out, metric, of)
    typer.echo(f"drew {out}")
