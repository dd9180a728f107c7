"""What several commands tell beside their results, on standard error: standard output is for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from collm.printable import printable

if TYPE_CHECKING:
    from collm.env import AnyEnvironment


def tell_notices(env: AnyEnvironment) -> None:
    """Print an environment's lines that a person should read before it runs."""
    from collm.contract.held import hold

    for line in hold(env).notices():
        typer.echo(printable(line), err=True)


def warn(line: str) -> None:
    """Print a warning."""
    typer.echo(f"warning: {printable(line)}", err=True)
