"""Filters and sorts the indexed episodes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from collm.base.settings import Settings
from collm.view.index import AGENTS

Order = Literal["file", "task", "gain", "raw", "turns", "tokens", "cut", "number"]
_COLUMNS = (
    "episodes.id, runs.name AS run, files.name AS file, number, kind, tree, path, task, turns, gain, raw,"
    " tokens, cut, failure, ended"
)
_JOINED = "JOIN runs ON runs.id = episodes.run JOIN files ON files.id = episodes.file"


class Filter(Settings):
    """Which episodes to list, and in which order.

    Attributes:
        run: runs by name; all if empty.
        task: a part of the task's id; ``task_is`` is the whole of it.
        text: words that follow each other in a reply, the last one may go on.
        agent: who said the text, or was cut off; just who took part if neither is asked for.
        kind: ``update``, ``evaluation`` or ``greedy``.
        failure: ``infrastructure``, ``cut`` (a reply at its limit), ``any`` of both, or ``none``.
        file: a file's name without its ending.
    """

    run: tuple[str, ...] = ()
    task: str = ""
    task_is: str | None = None
    text: str = ""
    agent: str = ""
    kind: Literal["", "update", "evaluation", "greedy"] = ""
    failure: Literal["", "infrastructure", "cut", "any", "none"] = ""
    file: str = ""
    tree: int | None = None
    least: float | None = None
    most: float | None = None
    turns_least: int | None = None
    turns_most: int | None = None
    update_least: int | None = None
    update_most: int | None = None
    sort: Order = "number"
    descending: bool = True
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=100, ge=0, le=500)


Clause = tuple[str, tuple[Any, ...]]

_PLAIN = {
    "task": "instr(task, ?) > 0",
    "kind": "kind = ?",
    "file": "files.name = ?",
}
_BOUNDS = {
    "task_is": "task = ?",
    "tree": "tree = ?",
    "least": "gain >= ?",
    "most": "gain <= ?",
    "turns_least": "turns >= ?",
    "turns_most": "turns <= ?",
    "update_least": "number >= ?",
    "update_most": "number <= ?",
}
_FAILURES = {
    "infrastructure": "failure != ''",
    "cut": "cut > 0",
    "any": "(failure != '' OR cut > 0)",
    "none": "failure = '' AND cut = 0",
}


def listed(reader: sqlite3.Connection, filters: Filter) -> dict[str, Any]:
    """A page of episodes, and how many the filter finds.

    Returns:
        ``total`` and ``rows``.
    """
    clauses = list(_clauses(reader, filters))
    where = " AND ".join(clause for clause, _ in clauses) or "TRUE"
    values = tuple(value for _, parameters in clauses for value in parameters)
    chosen = f"FROM episodes {_JOINED if filters.file else ''} WHERE {where}"
    # Searching words costs more than sorting what was found, so it is done once; else counting is cheap.
    counted = "count(*) OVER ()" if filters.text else "NULL"
    page = f"SELECT episodes.id, {counted} {chosen} ORDER BY {_order(filters)} LIMIT ? OFFSET ?"
    rows = reader.execute(page, (*values, filters.limit, filters.offset)).fetchall()
    total = rows[0][1] if rows else None
    if total is None:
        total = reader.execute(f"SELECT count(*) {chosen}", values).fetchone()[0]
    return {"total": total, "rows": summaries(reader, [row[0] for row in rows])}


def summaries(reader: sqlite3.Connection, ids: list[int]) -> list[dict[str, Any]]:
    """Episodes as the table shows them, in the order of ``ids``."""
    marks = ",".join("?" * len(ids))
    query = f"SELECT {_COLUMNS} FROM episodes {_JOINED} WHERE episodes.id IN ({marks})"
    rows = {row["id"]: dict(row) for row in reader.execute(query, ids)}
    return [rows[episode] for episode in ids if episode in rows]


def _order(filters: Filter) -> str:
    column = "episodes.file" if filters.sort == "file" else filters.sort
    way = "DESC" if filters.descending else "ASC"
    return f"{column} {way}, episodes.id {way}"


def _clauses(reader: sqlite3.Connection, filters: Filter) -> Iterator[Clause]:
    if filters.run:
        marks = ",".join("?" * len(filters.run))
        yield f"episodes.run IN (SELECT id FROM runs WHERE name IN ({marks}))", filters.run
    for name, clause in _PLAIN.items():
        if value := getattr(filters, name):
            yield clause, (value,)
    for name, clause in _BOUNDS.items():
        if (value := getattr(filters, name)) is not None:
            yield clause, (value,)
    yield from _said(reader, filters)


def _said(reader: sqlite3.Connection, filters: Filter) -> Iterator[Clause]:
    """What one agent, or any of them, said and did."""
    agent = _agent(reader, filters.agent) if filters.agent else None
    own, parameters = ("", ()) if agent is None else (f" AND rowid % {AGENTS} = ?", (agent,))
    if filters.text:
        inner = f"SELECT rowid / {AGENTS} FROM said WHERE said MATCH ?{own}"
        yield f"episodes.id IN ({inner})", (_phrase(filters.text), *parameters)
    cut = agent is not None and filters.failure == "cut"
    if filters.failure and not cut:
        yield _FAILURES[filters.failure], ()
    if agent is not None and (cut or not filters.text):
        part = f"SELECT 1 FROM parts WHERE id = episodes.id * {AGENTS} + ?{' AND cut > 0' if cut else ''}"
        yield f"EXISTS ({part})", parameters


def _agent(reader: sqlite3.Connection, name: str) -> int:
    """An agent's number; one that nobody has if the name is unknown."""
    row = reader.execute("SELECT id FROM agents WHERE name = ?", (name,)).fetchone()
    return -1 if row is None else min(int(row[0]), AGENTS - 1)


def _phrase(words: str) -> str:
    """A phrase of FTS5; inside quotes no character has a meaning of its own but the quote."""
    inside = words.replace("\0", " ").replace('"', '""')
    return f'"{inside}" *'


def shared_tasks(reader: sqlite3.Connection, runs: tuple[str, str]) -> list[dict[str, Any]]:
    """Tasks that both runs played, with each one's count and mean return."""
    query = (
        "SELECT task, count(*) AS episodes,"
        " avg(CASE WHEN runs.name = ?1 THEN gain END) AS left_mean,"
        " avg(CASE WHEN runs.name = ?2 THEN gain END) AS right_mean"
        " FROM episodes JOIN runs ON runs.id = episodes.run WHERE runs.name IN (?1, ?2) AND failure = ''"
        " GROUP BY task HAVING max(runs.name = ?1) AND max(runs.name = ?2) ORDER BY task LIMIT 5000"
    )
    return [dict(row) for row in reader.execute(query, runs)]


def counts(reader: sqlite3.Connection) -> dict[str, int]:
    """Indexed episodes by run."""
    query = "SELECT runs.name, count(*) FROM episodes JOIN runs ON runs.id = episodes.run GROUP BY runs.id"
    return {row[0]: row[1] for row in reader.execute(query)}


def agent_names(reader: sqlite3.Connection) -> list[str]:
    """Every agent that was read, in the order in which they were met."""
    return [name for (name,) in reader.execute("SELECT name FROM agents ORDER BY id")]
