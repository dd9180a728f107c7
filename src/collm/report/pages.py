"""A report as files: pictures, tables in every format, a Markdown file, and an HTML file with all in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from collm.report.entries import Groups
from collm.report.learning_curves import draw_figures
from collm.report.rendering import CAPTION, FORMATS, html, markdown
from collm.report.tables import Table, tables_of
from collm.runs.files import write_text

_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; }
table { border-collapse: collapse; margin: 0 0 1.5rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child { text-align: left; } img { max-width: 100%; } div { overflow-x: auto; }"""
_TITLE = "Methods compared"


def write_report(groups: Groups, folder: Path, further: Sequence[Table] = ()) -> list[Path]:
    """Write everything into a folder, which may hold an earlier report.

    Args:
        groups: what to tell of.
        folder: made if it is not there.
        further: tables besides the papers' three.

    Returns:
        The files.

    Raises:
        CollmError: if a log is broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = [*tables_of(groups), *further]
    figures = list(draw_figures(groups, folder))
    texts = {f"{table.name}.{suffix}": make(table) for table in tables for suffix, make in FORMATS.items()}
    texts["report.md"] = _markdown(tables, figures)
    texts["report.html"] = _html(tables, [folder / f"{name}.png" for name in figures])
    for name, text in texts.items():
        write_text(folder / name, text)
    pictures = [file for name in figures for file in sorted(folder.glob(f"{name}.*"))]
    return [*pictures, *(folder / name for name in texts)]


def _markdown(tables: Sequence[Table], figures: Sequence[str]) -> str:
    pictures = [f"![Return over environment steps and seconds]({name}.png)\n" for name in figures]
    return "\n".join([f"# {_TITLE}\n", f"{CAPTION}\n", *pictures, *map(markdown, tables)])


def _html(tables: Sequence[Table], pictures: Sequence[Path]) -> str:
    """One page that needs no other file."""
    shown = "".join(f'<img alt="{file.stem}" src="{_inlined(file)}">\n' for file in pictures)
    body = "".join(f"<div>{html(table)}</div>\n" for table in tables)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{_TITLE}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{_TITLE}</h1>\n<p>{CAPTION}</p>\n{shown}{body}</body>\n</html>\n"
    )


def _inlined(file: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
