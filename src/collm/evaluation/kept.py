"""The folder of an evaluation: what it measures, and every episode as soon as it is played."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from collm.errors import CollmError
from collm.evaluation.episodes import Place, place_of
from collm.runs.files import append_json_line, read_json_lines, write_json, write_json_lines

SETTINGS, EPISODES, MEASURES = "evaluation.json", "episodes.jsonl", "measures.json"


class Kept:
    """Episodes that a folder keeps; one that was begun with the same settings is gone on with.

    Args:
        folder: made by the caller, who holds it for itself.
        settings: all that decides what is played, as plain data.

    Raises:
        CollmError: if the folder holds another evaluation, or a row of it is broken.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._file = folder, folder / EPISODES
        if (folder / SETTINGS).is_file():
            _check_same(_read(folder / SETTINGS), settings, folder)
        else:
            write_json(folder / SETTINGS, settings)
        rows = read_json_lines(self._file)
        self._rows = {self._place(row): row for row in rows if not row.get("failure")}
        write_json_lines(self._file, self._rows.values())  # cuts off a row that a kill left half-written

    @property
    def rows(self) -> Mapping[Place, Mapping[str, Any]]:
        """The episodes that there were, without those whose infrastructure failed: they are played again."""
        return self._rows

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep what was played."""
        for row in rows:
            append_json_line(self._file, row)

    def finish(self, measures: Mapping[str, Any]) -> None:
        """Write the measures."""
        write_json(self._folder / MEASURES, measures)

    def _place(self, row: Mapping[str, Any]) -> Place:
        try:
            return place_of(row)
        except KeyError as error:
            raise CollmError(str(self._file), f"a row has no {error}.", "remove the row.") from None


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise CollmError(str(file), "not valid JSON.", "choose another --out.") from None


def _check_same(stored: Any, given: Mapping[str, Any], folder: Path) -> None:
    stored = stored if isinstance(stored, dict) else {}
    changed = sorted(key for key in given if stored.get(key) != given[key])
    if changed:
        problem = f"an evaluation is kept here that differs in {', '.join(changed)}."
        mend = "go on with the same settings, of which evaluation alone may change, or choose another --out."
        raise CollmError(f"--out {folder}", problem, mend)
