"""``collm export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from collm.errors import CollmError

_OUT = {"builds": Path("builds"), "compose": Path("compose.yaml")}


def export(
    run: Annotated[
        Path, typer.Argument(help="A run; builds need a finished one of a Minecraft environment.")
    ],
    to: Annotated[
        Literal["builds", "compose"],
        typer.Option(help="builds: what was built, for the game. compose: services, one an agent."),
    ] = "builds",
    out: Annotated[
        Path | None, typer.Option(help="Where to write: a folder of builds, or the compose file.")
    ] = None,
) -> None:
    """Write what other programs read: builds that a player can load, or a compose file that serves a team."""
    place = out or _OUT[to]
    for path in _builds(run, place) if to == "builds" else [_compose(run, place)]:
        typer.echo(str(path))


def _builds(run: Path, out: Path) -> list[Path]:
    from collm.report.minecraft.exports import export_builds

    return list(export_builds(run, out))


def _compose(run: Path, out: Path) -> Path:
    from collm.runs.files import write_text
    from collm.serve.compose import compose
    from collm.serve.opening import find_served

    if not run.is_dir():
        raise CollmError(str(run), "there is no such folder.", "name a run, or one of its checkpoints.")
    agents = list(find_served(str(run)).agents)
    if not out.parent.is_dir():
        raise CollmError(f"--out {out}", "there is no such folder.", "make it, or choose another file.")
    write_text(out, compose(agents, run, out.parent))
    return out
