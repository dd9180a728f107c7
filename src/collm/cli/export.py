"""``collm export``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from collm.errors import CollmError

Kind = Literal["builds", "inspect", "folder", "hub"]
_OUT = {"builds": Path("builds"), "inspect": Path("logs"), "folder": Path("team")}


def export(
    run: Annotated[
        Path, typer.Argument(help="A run; builds need a finished one of a Minecraft environment.")
    ],
    to: Annotated[
        Kind,
        typer.Option(
            help="builds: what was built, for the game. inspect: logs for inspect view. "
            "folder: the team with a model card. hub: that folder on the Hugging Face hub."
        ),
    ] = "builds",
    out: Annotated[
        Path | None, typer.Option(help="The folder to write into: builds, logs or team by default.")
    ] = None,
    episodes: Annotated[
        list[str] | None, typer.Option(help="inspect: which episodes; all evaluations by default.")
    ] = None,
    repo: Annotated[str | None, typer.Option(help="hub: the repository, OWNER/NAME.")] = None,
    private: Annotated[bool, typer.Option("--private", help="hub: let nobody else see it.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="folder, hub: the licence that the card names, such as apache-2.0.")
    ] = None,
) -> None:
    """Write what others read: builds for the game, logs for a viewer, a team with its model card."""
    _check_used("inspect", to, {"--episodes": episodes})
    _check_used("hub", to, {"--repo": repo, "--private": private})
    _check_used("folder hub", to, {"--licence": licence})
    if to != "hub":
        for path in _written(run, to, out or _OUT[to], episodes or [], licence):
            typer.echo(str(path))
        return
    _check_used(" ".join(_OUT), to, {"--out": out})
    if repo is None:
        raise CollmError("--repo", "the repository is missing.", "write --repo OWNER/NAME.")
    from collm.report.hub import push_to_hub

    typer.echo(push_to_hub(run, repo, private=private, licence=licence))


def _check_used(kinds: str, to: Kind, options: dict[str, object]) -> None:
    """Refuse options that would do nothing."""
    for option, value in options.items():
        if value and to not in kinds.split():
            wanted = " or ".join(f"--to {kind}" for kind in kinds.split())
            raise CollmError(option, f"does nothing for --to {to}.", f"leave it out, or write {wanted}.")


def _written(run: Path, to: Kind, out: Path, episodes: list[str], licence: str | None) -> Iterable[Path]:
    """What is written to disk, as it is written."""
    if to == "inspect":
        from collm.report.inspect_logs import export_logs

        return export_logs(run, out, episodes)
    if to == "folder":
        from collm.report.hub import write_team

        return [write_team(run, out, licence)]
    from collm.report.minecraft.exports import export_builds

    return export_builds(run, out)
