"""A table as Markdown, LaTeX, CSV and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from html import escape

from collm.report.tables import Estimate, Interval, Table

CAPTION = (
    "Means over runs; in brackets the 95 % bootstrap interval over runs, in braces that over tasks. "
    "A dash is a number that was not measured."
)
_LATEX = str.maketrans({letter: f"\\{letter}" for letter in "&%$#_{}"} | {"\\": r"\textbackslash{}"})


def cell(estimate: Estimate | None, digits: int) -> str:
    """``mean [low, high] {low, high}``, with the intervals that are there."""
    if estimate is None:
        return "–"
    parts = [f"{estimate.mean:.{digits}f}"]
    parts += [f"[{_bounds(estimate.over_runs, digits)}]"] if estimate.over_runs else []
    parts += [f"{{{_bounds(estimate.over_tasks, digits)}}}"] if estimate.over_tasks else []
    return " ".join(parts)


def _bounds(interval: Interval, digits: int) -> str:
    return ", ".join(f"{bound:.{digits}f}" for bound in interval)


def markdown(table: Table) -> str:
    """A heading and the table."""
    lines = [["", *table.columns], ["---", *("---:" for _ in table.columns)]]
    lines += [[_piped(text) for text in row] for row in _texts(table)]
    return "\n".join([f"### {table.title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def _piped(text: str) -> str:
    return text.replace("|", "\\|")


def latex(table: Table) -> str:
    """A ``table`` environment in the manner of booktabs."""
    head = " & ".join(["", *map(_escaped, table.columns)])
    rows = "\n".join(" & ".join(map(_escaped, row)) + r" \\" for row in _texts(table))
    return (
        "\\begin{table}\n\\centering\n"
        f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}\n\\toprule\n{head} \\\\\n\\midrule\n"
        f"{rows}\n\\bottomrule\n\\end{{tabular}}\n"
        f"\\caption{{{_escaped(table.title)}. {_escaped(CAPTION)}}}\n\\end{{table}}\n"
    )


def _escaped(text: str) -> str:
    return text.translate(_LATEX).replace("–", "--")


def html(table: Table) -> str:
    """A ``table`` element."""
    head = "".join(f"<th>{escape(title)}</th>" for title in ("", *table.columns))
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
        for name, *texts in _texts(table)
    )
    return f"<h2>{escape(table.title)}</h2>\n<table>\n<tr>{head}</tr>\n{rows}\n</table>\n"


def csv_text(table: Table) -> str:
    """A line for each number, with its intervals in columns of their own."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["method", "measure", "mean", "runs", *_names("runs"), *_names("tasks")])
    for name, row in table.rows.items():
        for column, estimate in zip(table.columns, row, strict=True):
            if estimate is not None:
                bounds = [*(estimate.over_runs or ("", "")), *(estimate.over_tasks or ("", ""))]
                writer.writerow([name, column, estimate.mean, estimate.runs, *bounds])
    return written.getvalue()


def _names(kind: str) -> Sequence[str]:
    return f"over_{kind}_low", f"over_{kind}_high"


def _texts(table: Table) -> Iterator[list[str]]:
    """Each row's name and its cells."""
    for name, row in table.rows.items():
        yield [name, *(cell(one, digits) for one, digits in zip(row, table.digits, strict=True))]


FORMATS: dict[str, Callable[[Table], str]] = {"tex": latex, "csv": csv_text}
"""By suffix, those that have a file for each table."""
