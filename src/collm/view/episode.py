"""One episode whole: its rows as they lie in the file, and the outline of the tree it belongs to."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from collm.base.settings import Settings
from collm.errors import CollmError
from collm.view.folders import Run, Stamp, stamp
from collm.view.query import summaries
from collm.view.rows import agents_of
from collm.view.tolerant import parsed


class Place(Settings):
    """Where an episode lies: run, file without its ending, tree, and its path such as ``0.1.0``."""

    run: str
    file: str
    tree: int
    path: str


def read_episode(reader: sqlite3.Connection, runs: dict[str, Run], place: Place) -> dict[str, Any]:
    """One episode with everything that its rows hold.

    Returns:
        ``summary`` as the table has it, ``agents``, ``turns`` (the rows), ``tree`` (every turn of the tree
        as path, reward and the place of the first leaf below), ``previous`` and ``next`` in the file.

    Raises:
        CollmError: if the index has no such episode, or its file has changed since.
    """
    episode = _find(reader, place)
    file = _file(reader, runs, place)
    turns = [_row(file, offset, length) for offset, length, _ in _turns(reader, episode)]
    beside = {"previous": _beside(reader, episode, -1), "next": _beside(reader, episode, 1)}
    return {
        "summary": summaries(reader, [episode])[0],
        "agents": agents_of(turns),
        "turns": turns,
        "tree": _outline(reader, episode),
        **beside,
    }


def replies_of(episode: dict[str, Any]) -> list[dict[str, str]]:
    """What every agent said, a mapping for each turn."""
    return [
        {name: reply for name, reply in (turn.get("replies") or {}).items() if isinstance(reply, str)}
        for turn in episode["turns"]
        if isinstance(turn.get("replies"), dict)
    ]


def _find(reader: sqlite3.Connection, place: Place) -> int:
    query = (
        "SELECT episodes.id FROM episodes JOIN files ON files.id = episodes.file"
        " JOIN runs ON runs.id = files.run WHERE runs.name = ? AND files.name = ? AND tree = ? AND path = ?"
    )
    row = reader.execute(query, (place.run, place.file, place.tree, place.path)).fetchone()
    if row is None:
        where = f"{place.run}, {place.file}, tree {place.tree}, path {place.path}"
        mend = "choose one from the table; a run that goes on removes its last evaluation."
        raise CollmError(where, "there is no such episode.", mend)
    return int(row[0])


def _file(reader: sqlite3.Connection, runs: dict[str, Run], place: Place) -> Path:
    """The file of an episode, if it is still the one that was read; the name comes from the index."""
    query = (
        "SELECT files.name, size, mtime FROM files JOIN runs ON runs.id = files.run"
        " WHERE runs.name = ? AND files.name = ?"
    )
    name, size, mtime = reader.execute(query, (place.run, place.file)).fetchone()
    run = runs.get(place.run)
    if run is None:
        raise CollmError(place.run, "the run is no longer there.", "choose another run.")
    file = run.path / "episodes" / f"{name}.jsonl"
    if stamp(file) != Stamp(size, mtime):
        raise CollmError(str(file), "the file has changed since it was read.", "try again in a moment.")
    return file


def _turns(reader: sqlite3.Connection, episode: int) -> list[tuple[int, int, float | None]]:
    row = reader.execute("SELECT turns FROM places WHERE episode = ?", (episode,)).fetchone()
    return [tuple(turn) for turn in json.loads(row[0])]


def _row(file: Path, offset: int, length: int) -> dict[str, Any]:
    with file.open("rb") as stream:
        stream.seek(offset)
        return parsed(stream.read(length)) or {}


def _outline(reader: sqlite3.Connection, episode: int) -> list[dict[str, Any]]:
    """Every turn of the tree, parents before children."""
    query = (
        "SELECT other.path, other.failure, places.turns FROM episodes AS one JOIN episodes AS other"
        " ON other.file = one.file AND other.tree = one.tree JOIN places ON places.episode = other.id"
        " WHERE one.id = ? ORDER BY other.id"
    )
    outline: dict[str, dict[str, Any]] = {}
    for path, failure, turns in reader.execute(query, (episode,)):
        steps = path.split(".")
        rewards = [reward for _, _, reward in json.loads(turns)]
        for depth, reward in enumerate(rewards, start=1 + len(steps) - len(rewards)):
            node = {"path": ".".join(steps[:depth]), "reward": reward, "leaf": path, "failure": failure}
            outline.setdefault(node["path"], node)
    return list(outline.values())


def _beside(reader: sqlite3.Connection, episode: int, step: int) -> dict[str, Any] | None:
    """The episode before or after this one in the same file."""
    way, order = (">", "ASC") if step > 0 else ("<", "DESC")
    query = (
        "SELECT other.tree, other.path FROM episodes AS one JOIN episodes AS other ON other.file = one.file"
        f" WHERE one.id = ? AND other.id {way} one.id ORDER BY other.id {order} LIMIT 1"
    )
    row = reader.execute(query, (episode,)).fetchone()
    return None if row is None else dict(row)
