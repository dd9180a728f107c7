"""``collm docs``: the pages, which come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from collm.errors import CollmError


def docs(page: Annotated[str | None, typer.Argument(help="Print this one.")] = None) -> None:
    """List the pages of the documentation, or print one."""
    files = pages()
    if page is None:
        width = max(map(len, files))
        for name, file in files.items():
            title = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip()
            typer.echo(f"{name:<{width}}  {title}")
    elif page in files:
        typer.echo(files[page].read_text(encoding="utf-8"), nl=False)
    else:
        raise CollmError(f"PAGE {page}", "no such page.", f"there are {', '.join(files)}.")


def pages() -> dict[str, Path]:
    """The pages by name. The wheel holds a copy; a checkout has them in ``docs/``."""
    package = Path(str(files("collm")))
    folders = (package / "docs", package.parents[1] / "docs")
    folder = next(folder for folder in folders if folder.is_dir())
    return {file.stem: file for file in sorted(folder.glob("*.md"))}
