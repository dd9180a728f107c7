"""What a run ends with: a table, the pictures and where everything lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from collm.config.tree import RunConfig
from collm.evaluation.measures import COMPONENT
from collm.report.console import comparison_table
from collm.report.curves import draw_run
from collm.report.minecraft.pictures import draw_before_and_after
from collm.runs.layout import Layout


def print_result(config: RunConfig, folder: Path, summary: Mapping[str, Any], console: Console) -> None:
    """Print the comparison on the test tasks and draw the run's pictures."""
    names = [
        "return_mean",
        *config.env.headline,
        *(f"final_{name}" for name in config.env.headline),
        *(name for name in summary["after"] if name.startswith(COMPONENT)),
        "tokens",
    ]
    console.print(comparison_table(summary["before"], summary["after"], names))
    pictures = [draw_run(folder, config.env.headline)]
    build = draw_before_and_after(config.env, folder)
    if build is not None:
        pictures.append(build)
    console.print(
        f"{summary['update']} updates, {summary['episodes']} episodes, "
        f"{summary['env_steps']} environment steps, "
        f"{summary['tokens']} tokens in {summary['seconds']:.0f} s of training",
        highlight=False,
    )
    for picture in pictures:
        console.print(f"picture: {picture}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"team:    {Layout(folder).all_checkpoints}", soft_wrap=True, highlight=False, markup=False)
