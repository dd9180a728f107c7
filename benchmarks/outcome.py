"""What a benchmark leaves: a table on the screen, and the same as JSON and as a figure."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]

OUT = Path("benchmarks/results")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser of what every benchmark can be told."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the table as JSON and the figure")
    return parser


def circumstances() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "gpu": gpu,
    }


def leave(name: str, rows: Sequence[Row], figure: Figure, options: argparse.Namespace) -> None:
    """Print a table of the rows, and write ``NAME.json`` and ``NAME.png``."""
    out: Path = options.out
    Console(width=150).print(_table(name, rows))
    out.mkdir(parents=True, exist_ok=True)
    shown = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    whole = {"options": shown, **circumstances(), "rows": list(rows)}
    (out / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    figure.savefig(out / f"{name}.png", dpi=120)


def kept(file: Path, place: Row, work: Callable[[], Row]) -> Row:
    """A row of a file of JSON lines, which is worked for, and added with its place, unless it is there."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for row in map(json.loads, lines):
        if place.items() <= row.items():
            return dict(row)
    row = {**place, **work()}
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
    print(row, flush=True)
    return row


def bars(rows: Sequence[Row], values: Sequence[str], title: str, line: float | None = None) -> Figure:
    """A group of bars for each row, one for each of some columns; ``line`` is drawn across."""
    figure = Figure(figsize=(2 + 1.4 * len(rows), 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(values)
    for place, name in enumerate(values):
        heights = [row.get(name) or 0.0 for row in rows]
        axes.bar([index + place * width for index in range(len(rows))], heights, width, label=name)
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(rows))], [row["case"] for row in rows])
    axes.tick_params(axis="x", labelrotation=20)
    if line is not None:
        axes.axhline(line, color="black", linewidth=0.8)
    axes.set_title(title)
    axes.legend(fontsize=8)
    return figure


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table of a page."""
    columns = _columns(rows)
    lines = [columns, ["---"] * len(columns), *([_cell(row.get(key)) for key in columns] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title=title)
    columns = _columns(rows)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
