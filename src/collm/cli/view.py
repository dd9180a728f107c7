"""``collm view``: a page over runs as they train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def view(
    folder: Annotated[Path, typer.Argument(help="A run folder, or a folder with runs below it.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8800,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    name: Annotated[
        list[str] | None, typer.Option(help="Another host name under which browsers may ask.")
    ] = None,
) -> None:
    """Look at runs in a browser while they train; nothing in them is changed."""
    from collm.view.serve import serve

    serve(folder, host, port, name or [], typer.echo)
