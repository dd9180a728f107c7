"""The ``collm`` command. Bad input ends with one message and exit code 2, an interrupted run with 130."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from collm import __version__
from collm.cli import (
    data,
    docs,
    estimate,
    evaluate,
    export,
    new,
    plot,
    recipes,
    report,
    score,
    serve,
    sweep,
    train,
    view,
)
from collm.errors import CollmError, InfrastructureError
from collm.runs.faults import told_fault

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train teams of decentralized language-model agents.",
)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("estimate")(estimate.estimate)
app.add_typer(new.app, name="new")
app.command("eval")(evaluate.evaluate)
app.command("score")(score.score)
app.command("recipes")(recipes.recipes)
app.command("plot")(plot.plot)
app.command("report")(report.report)
app.command("export")(export.export)
app.add_typer(data.app, name="data")
app.command("docs")(docs.docs)
app.command("serve")(serve.serve)
app.command("view")(view.view)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"collm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Train teams of decentralized language-model agents."""


def main() -> None:
    """Run the command line; bad input and broken infrastructure become one message and exit code 2."""
    try:
        app()
    except (CollmError, InfrastructureError) as error:
        _refuse(error)
    except BrokenPipeError:
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("stopped; the last checkpoint is kept, --resume goes on from it.", err=True)
        sys.exit(130)
    except Exception as error:
        told = told_fault(error, "collm") or _told_path(error)
        if told is None:
            raise
        _refuse(told)


def _refuse(error: Exception) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    sys.exit(2)


def _told_path(error: Exception) -> CollmError | None:
    """What a person should read of a file that cannot be read or written; ``None`` for other errors."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    return CollmError(str(error.filename), f"{error.strerror}.", "check the path and your rights there.")
