"""``collm eval``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collm.cli.arguments import Overrides, Protocol, split_off
from collm.cli.notes import tell_notices, warn
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.config.tree import RunConfig
    from collm.protocols.base import PlayProtocol

_DECIDING = ("seed", "env", "agents")
"""Sections that decide what is played; how many tasks and samples is no part of it."""


def evaluate(
    folder: Annotated[
        str, typer.Argument(help="A run, one of its checkpoints, or a recipe (the untrained team).")
    ],
    overrides: Overrides = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    protocol: Protocol = "parallel",
    batch: Annotated[int, typer.Option(min=1, help="Episodes that play together.")] = 16,
    blame: Annotated[
        int | None, typer.Option(help="Draw every reply so often anew, to tell who caused the returns.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep episodes and measures here, and go on from what is kept.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Evaluate a run or a saved team on a split."""
    if split not in ("train", "test"):
        raise CollmError("--split", f"no split {split!r}.", "use train or test.")
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    from collm.config.naming import named_after
    from collm.evaluation.playing import evaluate_by
    from collm.evaluation.saved import open_team

    playing, others = split_off(protocol, overrides or [])
    others += [] if blame is None else [f"evaluation.blame={blame}"]
    config, policies, name = open_team(folder, others, warn=warn)
    tell_notices(config.env)
    head = {"team": name, "split": split, "protocol": protocol}
    with named_after(folder), _kept(out, head, playing, config) as kept, _progress() as advanced:
        evaluation = evaluate_by(
            playing,
            config.env,
            policies,
            config.evaluation,
            config.seed,
            split,  # type: ignore[arg-type]
            batch=batch,
            kept=kept,
            advanced=advanced,
        )
        told = {**head, "batch": batch, **evaluation.measures, "intervals": evaluation.intervals}
        if kept is not None:
            kept.finish(told)
    if as_json:
        typer.echo(json.dumps(told, allow_nan=False))
        return
    from rich.console import Console

    from collm.report.console import measures_table

    typer.echo(f"{name}, {split} tasks, {protocol}")  # outside the table, which would fold a long path
    Console().print(measures_table(evaluation.measures, evaluation.intervals))


@contextmanager
def _kept(out: Path | None, head: dict[str, str], protocol: PlayProtocol, config: RunConfig) -> Iterator[Any]:
    """The folder that keeps the episodes, held while they are played; ``None`` without one."""
    if out is None:
        yield None
        return
    from collm.config.tree import plain
    from collm.evaluation.kept import Kept
    from collm.runs.lock import locked

    sections = plain(config)
    settings: dict[str, Any] = {**head, "protocol": protocol.model_dump(mode="json")}
    if config.evaluation.blame:
        settings["blame"] = config.evaluation.blame
    with locked(out):
        yield Kept(out, {**settings, **{name: sections[name] for name in _DECIDING}})


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("episodes"), MofNCompleteColumn(), BarColumn(bar_width=24), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)
