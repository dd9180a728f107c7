from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.base.validation import validated
from collm.errors import CollmError
from collm.view.follow import Follower
from collm.view.index import open_reader
from collm.view.query import Filter, listed, shared_tasks
from tests.view.made_runs import TREE, read_whole, turn, write_run


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    """Two runs; ``right`` has one tree more, on another task, and one that failed."""
    folder = tmp_path_factory.mktemp("query")
    write_run(folder / "runs" / "left")
    other = turn([0], 6.0, {"c": 'says "quoted" things'}, tree=1, task="two%_", truncated=True)
    failed = {"tree": 2, "task": "one", "failure": "died"}
    write_run(folder / "runs" / "right", evaluation__before__greedy=[*TREE, other, failed])
    follower = Follower(folder / "runs", folder / "i.sqlite")
    read_whole(follower)
    return open_reader(follower.index)


def found(reader: sqlite3.Connection, **wanted: Any) -> list[tuple[str, int, str]]:
    rows = listed(reader, Filter(sort="file", descending=False, **wanted))["rows"]
    return [(row["run"][0], row["tree"], row["path"]) for row in rows]


LEFT = [("l", 0, "0.0"), ("l", 0, "0.1"), ("l", 0, "1.0")]
RIGHT = [("r", 0, "0.0"), ("r", 0, "0.1"), ("r", 0, "1.0"), ("r", 1, "0"), ("r", 2, "0")]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {*LEFT, *RIGHT}),
        ({"run": ("left",)}, {*LEFT}),
        ({"run": ("left", "absent")}, {*LEFT}),
        ({"task": "%_"}, {RIGHT[3]}),
        ({"task_is": "two"}, set()),
        ({"kind": "update"}, {*LEFT}),
        ({"file": "evaluation-before-greedy", "tree": 1}, {RIGHT[3]}),
        ({"least": 3.0, "most": 6.0}, {LEFT[1], RIGHT[1], RIGHT[3]}),
        ({"turns_most": 1, "failure": "none"}, {RIGHT[3]}),
        ({"update_least": 1}, {*LEFT}),
        ({"text": "rare wo"}, {LEFT[1], RIGHT[1]}),
        ({"text": "word rare"}, set()),
        ({"text": '"quoted" thing'}, {RIGHT[3]}),
        ({"text": "rare", "agent": "b"}, set()),
        ({"agent": "c"}, {RIGHT[3]}),
        ({"agent": "nobody"}, set()),
        ({"failure": "infrastructure"}, {RIGHT[4]}),
        ({"failure": "cut", "agent": "b"}, {LEFT[2], RIGHT[2]}),
        ({"failure": "cut", "agent": "a"}, set()),
        ({"failure": "any"}, {LEFT[2], RIGHT[2], RIGHT[4]}),
    ],
)
def test_a_filter_finds_exactly(
    reader: sqlite3.Connection, wanted: dict[str, Any], expected: set[tuple[str, int, str]]
) -> None:
    assert set(found(reader, **wanted)) == expected


def test_a_page_is_a_part_of_the_sorted_whole(reader: sqlite3.Connection) -> None:
    whole = listed(reader, Filter(sort="gain", failure="none"))["rows"]
    page = listed(reader, Filter(sort="gain", failure="none", offset=2, limit=2))
    assert [row["gain"] for row in whole] == sorted((row["gain"] for row in whole), reverse=True)
    assert (page["rows"], page["total"]) == (whole[2:4], len(whole))


@pytest.mark.parametrize("text", ["", "rare"])
def test_the_count_is_that_of_all_whatever_the_page(reader: sqlite3.Connection, text: str) -> None:
    pages = [{}, {"offset": 1, "limit": 1}, {"offset": 99}, {"limit": 0}]
    totals = {listed(reader, Filter(text=text, **page))["total"] for page in pages}
    assert totals == {2 if text else 8}


@given(st.text(max_size=20))
def test_no_text_that_is_searched_for_raises(reader: sqlite3.Connection, text: str) -> None:
    assert listed(reader, Filter(text=text.encode("utf-8", "replace").decode()))["total"] >= 0


@pytest.mark.parametrize("query", [{"sort": "id; DROP TABLE episodes"}, {"limit": "501"}, {"bogus": "1"}])
def test_what_cannot_be_asked_for_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(CollmError, match="query"):
        validated(Filter, query, "query")


def test_tasks_that_both_runs_played_come_with_both_means(reader: sqlite3.Connection) -> None:
    (shared,) = shared_tasks(reader, ("left", "right"))
    assert shared == {"task": "one", "episodes": 6, "left_mean": 4.0, "right_mean": 4.0}
    assert shared_tasks(reader, ("left", "absent")) == []
