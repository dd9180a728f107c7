"""The ``collm`` command. Bad input ends with one message and exit code 2, an interrupted run with 130."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from collm.base.naming import named_after
from collm.base.printable import printable
from collm.base.quiet import quiet_libraries
from collm.errors import CollmError, InfrastructureError

if TYPE_CHECKING:
    from collm.env import AnyEnvironment

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train teams of decentralized language-model agents.",
)

Overrides = Annotated[list[str] | None, typer.Argument(help="Overrides such as training.max_updates=5.")]


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A YAML file or the name of a shipped recipe.")],
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print config, sizes and memory; run nothing.")
    ] = False,
) -> None:
    """Train a team and keep everything in a run folder."""
    from rich.console import Console

    from collm.config.recipes import load_recipe, run_name

    quiet_libraries()
    console = Console()
    config = load_recipe(recipe, overrides or [])
    if dry_run:
        from collm.report.dry_run import print_dry_run

        with named_after(recipe):
            print_dry_run(config, console)
        return
    from collm.report.console import ConsoleDisplay
    from collm.report.finish import print_result
    from collm.training.loop import train as run

    folder = out or Path("runs") / run_name(recipe)
    display = ConsoleDisplay(console, config.env.headline)
    try:
        with named_after(recipe):
            result = run(config, folder, display, resume)
    finally:
        display.close()
    if result.interrupted:
        command = shlex.join(["collm", "train", recipe, *(overrides or []), "--out", str(folder), "--resume"])
        console.print(f"Saved. Go on with: {command}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130)
    print_result(config, folder, result.summary, console)


new = typer.Typer(no_args_is_help=True, help="Write the skeleton of something new.")
app.add_typer(new, name="new")


@new.command("env")
def new_env(
    name: Annotated[str, typer.Argument(help="A module's name, such as my_game.")],
    out: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
) -> None:
    """Write an environment of your own, with tests and a recipe, ready to run."""
    from collm.cli.scaffold import new_environment

    module, tests, recipe = new_environment(name, out)
    typer.echo(f"wrote {module}, {tests} and {recipe}. In that folder:")
    typer.echo(f"  pytest {tests.name}\n  collm train {recipe.name}")


@app.command("eval")
def evaluate(
    folder: Annotated[
        str, typer.Argument(help="A run, one of its checkpoints, or a recipe (the untrained team).")
    ],
    overrides: Overrides = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Evaluate a run or a saved team on a split."""
    from rich.console import Console

    from collm.evaluation.evaluate import evaluate as measure
    from collm.evaluation.saved import open_team
    from collm.report.console import measures_table

    quiet_libraries()
    if split not in ("train", "test"):
        raise CollmError("--split", f"no split {split!r}.", "use train or test.")
    config, agents, name = open_team(folder, overrides or [], warn=_warn)
    _tell_notices(config.env)
    with named_after(folder):
        found = measure(config.env, agents, config.evaluation, config.seed, split)  # type: ignore[arg-type]
    if as_json:
        typer.echo(json.dumps({"team": name, "split": split, **found.measures}, allow_nan=False))
    else:
        typer.echo(f"{name}, {split} tasks")  # outside the table, which would fold a long path
        Console().print(measures_table(found.measures))


@app.command()
def score(
    env: Annotated[str, typer.Argument(help="An environment's type, or module:Class.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Its settings, such as variant=reference.")
    ] = None,
) -> None:
    """Score written replies from standard input, with no model at all."""
    from collm.config.overrides import parse_overrides
    from collm.contract.plays import score_plays
    from collm.env import make_env

    environment = make_env({"type": env, **parse_overrides(overrides or [])}, env)
    _tell_notices(environment)
    for row in score_plays(environment, _text_lines(sys.stdin.buffer)):
        typer.echo(printable(json.dumps(row, ensure_ascii=False, allow_nan=False)))


@app.command()
def recipes() -> None:
    """List the shipped recipes."""
    from collm.config.recipes import describe, shipped

    names = shipped()
    width = max(map(len, names))
    for name, path in names.items():
        typer.echo(f"{name:<{width}}  {describe(path)}")


@app.command()
def plot(
    runs: Annotated[list[str], typer.Argument(help="Run folders; LABEL=FOLDER puts runs in one group.")],
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("comparison.png"),
    metric: Annotated[str, typer.Option(help="A key of metrics.jsonl.")] = "return_mean",
) -> None:
    """Draw runs in one figure, grouped, with 95 % bootstrap intervals."""
    from collm.report.curves import draw_comparison

    groups: dict[str, list[Path]] = {}
    for run in runs:
        label, separator, folder = run.partition("=")
        groups.setdefault(label if separator else Path(run).name, []).append(
            Path(folder if separator else run)
        )
    draw_comparison(groups, out, metric)
    typer.echo(f"drew {out}")


def _tell_notices(env: AnyEnvironment) -> None:
    """Standard output is for what programs read."""
    from collm.contract import guard

    for line in guard.notices(env):
        typer.echo(line, err=True)


def _warn(line: str) -> None:
    typer.echo(f"warning: {line}", err=True)


def _text_lines(stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise CollmError(f"line {number}", "not a text in UTF-8.", "convert it.") from None


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A finished run of a Minecraft environment.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("builds"),
) -> None:
    """Write a run's test builds as data packs and schematics that a player can load."""
    from collm.report.exports import export_builds

    for path in export_builds(run, out):
        typer.echo(str(path))


def main() -> None:
    """Run the command line; bad input and broken infrastructure become one message and exit code 2."""
    try:
        app()
    except (CollmError, InfrastructureError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        mend = "check the path, your rights there and the free space."
        typer.echo(f"error: {error.filename}: {error.strerror}. To mend it: {mend}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("stopped; the last checkpoint is kept, --resume goes on from it.", err=True)
        sys.exit(130)
