"""``collm export``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from collm.cli.notes import warn
from collm.errors import CollmError

Kind = Literal["builds", "merged", "inspect", "compose", "rayjob", "folder", "hub"]
_OUT = {
    "builds": Path("builds"),
    "merged": Path("merged"),
    "inspect": Path("logs"),
    "compose": Path("compose.yaml"),
    "rayjob": Path("rayjob.yaml"),
    "folder": Path("team"),
}


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run; builds need a finished one of a Minecraft environment. rayjob takes a recipe too."
        ),
    ],
    to: Annotated[
        Kind,
        typer.Option(
            help="builds: what was built, for the game. merged: agents as ordinary models. "
            "inspect: logs for inspect view. compose: services, one an agent. rayjob: a job for KubeRay. "
            "folder: the team with a model card. hub: that folder on the Hugging Face hub."
        ),
    ] = "builds",
    merged: Annotated[bool, typer.Option("--merged", help="Short for --to merged.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write: builds, merged, logs, compose.yaml, rayjob.yaml or team by default."
        ),
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
    """Write what others read: builds for the game, logs for a viewer, models, a team with its card."""
    kind: Kind = "merged" if merged else to
    _check_used("inspect", kind, {"--episodes": episodes})
    _check_used("hub", kind, {"--repo": repo, "--private": private})
    _check_used("folder hub", kind, {"--licence": licence})
    if kind != "hub":
        for path in _written(run, kind, out or _OUT[kind], episodes or [], licence):
            typer.echo(str(path))
        return
    _check_used(" ".join(_OUT), kind, {"--out": out})
    if repo is None:
        raise CollmError("--repo", "the repository is missing.", "write --repo OWNER/NAME.")
    from collm.report.hub import push_to_hub

    typer.echo(push_to_hub(run, repo, private=private, licence=licence))


def _check_used(kinds: str, to: Kind, options: dict[str, object]) -> None:
    """Refuse options that would do nothing."""
    for option, value in options.items():
        if value and to not in kinds.split():
            other = " or ".join(f"--to {kind}" for kind in kinds.split())
            raise CollmError(option, f"does nothing for --to {to}.", f"leave it out, or write {other}.")


def _written(run: Path, to: Kind, out: Path, episodes: list[str], licence: str | None) -> Iterable[Path]:
    """What is written to disk, as it is written."""
    if to == "merged":
        return _merged(run, out)
    if to == "compose":
        return [_compose(run, out)]
    if to == "rayjob":
        return [_rayjob(run, out)]
    if to == "inspect":
        from collm.report.inspect_logs import export_logs

        return export_logs(run, out, episodes)
    if to == "folder":
        from collm.report.hub import write_team

        return [write_team(run, out, licence)]
    from collm.report.minecraft.exports import export_builds

    return export_builds(run, out)


def _merged(run: Path, out: Path) -> Iterable[Path]:
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    from collm.evaluation.merging import export_team

    return export_team(str(run), out, warn)


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


def _rayjob(run: Path, out: Path) -> Path:
    from collm.config.recipes import load_recipe
    from collm.placement.rayjob import rayjob
    from collm.runs.files import write_text
    from collm.runs.folder import read_config

    config = read_config(run) if run.is_dir() else load_recipe(str(run), [])
    write_text(out, rayjob(config, run.stem))
    return out
