"""The two logs of a run, ``metrics.jsonl`` and ``evaluations.jsonl``: rows that each tell their update."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from collm.errors import CollmError
from collm.runs.files import read_json_lines


def read_log(file: Path) -> list[dict[str, Any]]:
    """The rows of a log, each with the number of its update.

    Raises:
        CollmError: naming the line that is broken or has no such number.
    """
    rows = read_json_lines(file)
    for number, row in enumerate(rows, start=1):
        if type(row.get("update")) is not int:
            problem = f"update is {row.get('update')!r}, which is no whole number."
            raise CollmError(f"{file}, line {number}", problem, "restore the line, or remove it.")
    return rows


def rows_up_to(rows: Iterable[Mapping[str, Any]], update: int) -> list[Mapping[str, Any]]:
    """The rows up to an update, without the evaluation that ended the run."""
    return [row for row in rows if row["update"] <= update and row.get("name") != "after"]
