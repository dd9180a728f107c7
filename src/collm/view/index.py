"""The index: every episode of every file in SQLite, outside the run folders, keyed by path, size and time."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collm.errors import CollmError
from collm.view.folders import EpisodeFile, Run, Stamp
from collm.view.rows import Leaf, read_leaves
from collm.view.tolerant import text

_VERSION = 1
AGENTS = 1024
"""Agents that an index tells apart; ``episode * AGENTS + agent`` is the key of what an agent said."""

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS agents (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, mtime INTEGER NOT NULL, UNIQUE (run, name));
CREATE TABLE IF NOT EXISTS episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, file INTEGER NOT NULL, number INTEGER,
    kind TEXT NOT NULL, tree INTEGER NOT NULL, path TEXT NOT NULL, task TEXT NOT NULL, turns INTEGER NOT NULL,
    gain REAL, raw REAL, tokens INTEGER NOT NULL, cut INTEGER NOT NULL, failure TEXT NOT NULL,
    ended TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_place ON episodes (file, tree, path);
CREATE INDEX IF NOT EXISTS by_gain ON episodes (gain);
CREATE INDEX IF NOT EXISTS by_number ON episodes (number);
CREATE INDEX IF NOT EXISTS by_run_and_gain ON episodes (run, gain);
CREATE INDEX IF NOT EXISTS by_run_and_number ON episodes (run, number);
CREATE INDEX IF NOT EXISTS by_task ON episodes (run, task);
CREATE TABLE IF NOT EXISTS places (episode INTEGER PRIMARY KEY, turns TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (id INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, cut INTEGER NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5 (text, content='', tokenize="unicode61 tokenchars '_'");
"""


def index_file(folder: Path) -> Path:
    """Where the index of a folder lies: below ``XDG_CACHE_HOME``, or ``~/.cache``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:24]
    return cache / "collm" / "view" / f"{name}-{_VERSION}.sqlite"


def open_index(file: Path) -> sqlite3.Connection:
    """The index for writing, made if it is absent; a damaged one is made anew.

    Raises:
        CollmError: if nothing can be written there.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
                (file.parent / name).unlink(missing_ok=True)
            return _opened(file)
    except (OSError, sqlite3.Error) as error:
        problem = f"the index cannot be written ({error})."
        raise CollmError(str(file), problem, "set XDG_CACHE_HOME to a folder with free space.") from None


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _TABLES)
    return connection


def open_reader(file: Path) -> sqlite3.Connection:
    """The index for reading alone."""
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        index.execute("ROLLBACK")
        raise
    index.execute("COMMIT")


def known_files(index: sqlite3.Connection, run: Run) -> dict[str, Stamp]:
    """The files of a run that were read, as they were then."""
    query = "SELECT files.name, size, mtime FROM files JOIN runs ON runs.id = files.run WHERE runs.name = ?"
    return {name: Stamp(size, mtime) for name, size, mtime in index.execute(query, (text(run.name),))}


def store(index: sqlite3.Connection, run: Run, file: EpisodeFile) -> None:
    """Read a file of episodes into the index, in place of what it held before."""
    with _transaction(index):
        run_id = _id_of(index, "runs", run.name)
        stamps = index.execute(
            "SELECT size, mtime FROM files WHERE run = ? AND name = ?", (run_id, file.name)
        )
        if stamps.fetchone() == (file.stamp.size, file.stamp.mtime):
            return  # another viewer has just read it
        _forget(index, run_id, file.name)
        row = (run_id, file.name, file.stamp.size, file.stamp.mtime)
        made = index.execute("INSERT INTO files (run, name, size, mtime) VALUES (?, ?, ?, ?)", row)
        number = run.last_update() if file.update is None else file.update
        for leaf in read_leaves(file.path, run.discount()):
            _store_leaf(index, leaf, (run_id, made.lastrowid, number, file.kind))


def forget(index: sqlite3.Connection, run: Run, names: Iterable[str]) -> None:
    """Drop files that are gone."""
    with _transaction(index):
        for name in names:
            _forget(index, _id_of(index, "runs", run.name), name)


def _forget(index: sqlite3.Connection, run: int, name: str) -> None:
    """What was said stays in the text index under numbers that are never given again."""
    which = "(SELECT id FROM files WHERE run = ? AND name = ?)"
    episodes = f"(SELECT id FROM episodes WHERE file IN {which})"
    index.execute(f"DELETE FROM places WHERE episode IN {episodes}", (run, name))
    index.execute(f"DELETE FROM episodes WHERE file IN {which}", (run, name))
    index.execute("DELETE FROM files WHERE run = ? AND name = ?", (run, name))


def _id_of(index: sqlite3.Connection, table: str, name: str) -> int:
    index.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (text(name),))
    row = index.execute(f"SELECT id FROM {table} WHERE name = ?", (text(name),)).fetchone()
    return int(row[0])


def _store_leaf(index: sqlite3.Connection, leaf: Leaf, place: tuple[object, ...]) -> None:
    tokens = sum(part.tokens for part in leaf.parts.values())
    cut = sum(part.cut for part in leaf.parts.values())
    path = ".".join(map(str, leaf.path))
    row = (leaf.tree, path, leaf.task, len(leaf.turns), leaf.gain, leaf.raw, tokens, cut)
    made = index.execute(
        "INSERT INTO episodes (run, file, number, kind, tree, path, task, turns, gain, raw, tokens, cut,"
        " failure, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*place, *row, leaf.failure, leaf.ended),
    )
    episode = made.lastrowid or 0
    index.execute("INSERT INTO places VALUES (?, ?)", (episode, json.dumps(leaf.turns)))
    for name, part in leaf.parts.items():
        key = episode * AGENTS + min(_id_of(index, "agents", name), AGENTS - 1)
        index.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", (key, part.tokens, part.cut))
        index.execute("INSERT INTO said (rowid, text) VALUES (?, ?)", (key, part.text))
