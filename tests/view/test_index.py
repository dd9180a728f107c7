from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.view.follow import Follower
from collm.view.index import index_file, open_index, open_reader
from collm.view.query import Filter, listed
from tests.commands import fingerprint
from tests.view.made_runs import TREE, read_whole, turn, write_rows, write_run


def followed(tmp_path: Path) -> Follower:
    return Follower(tmp_path / "runs", tmp_path / "index" / "i.sqlite")


def gains(follower: Follower) -> list[float]:
    read_whole(follower)
    rows = listed(open_reader(follower.index), Filter(sort="gain", descending=False))["rows"]
    return [row["gain"] for row in rows]


def test_a_run_is_read_and_nothing_in_it_changes(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    before = fingerprint(run)
    assert gains(followed(tmp_path)) == [2.0, 3.0, 7.0]
    assert fingerprint(run) == before


def test_a_file_that_changed_is_read_anew_and_one_that_is_gone_is_dropped(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    follower = followed(tmp_path)
    assert len(gains(follower)) == 3
    file = write_rows(run / "episodes" / "update-000001.jsonl", [turn([0], 9.0)])
    os.utime(file, ns=(1, 1))
    write_rows(run / "episodes" / "update-000002.jsonl", [turn([0], 5.0)])
    assert gains(follower) == [5.0, 9.0]
    file.unlink()
    assert gains(follower) == [5.0]


def test_the_evaluation_after_a_run_belongs_to_its_last_update(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "demo", evaluation__after=TREE)
    follower = followed(tmp_path)
    read_whole(follower)
    assert {row["number"] for row in listed(open_reader(follower.index), Filter())["rows"]} == {2}


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "demo")
    first, second = followed(tmp_path), followed(tmp_path)
    read_whole(first)
    read_whole(second)
    assert (first.seen.read, second.seen.read) == (1, 0)


def test_words_of_a_file_that_was_replaced_are_no_longer_found(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    follower = followed(tmp_path)
    read_whole(follower)
    wanted = Filter(text="rare word")
    assert listed(open_reader(follower.index), wanted)["total"] == 1
    write_rows(run / "episodes" / "update-000001.jsonl", TREE[:2])
    read_whole(follower)
    assert listed(open_reader(follower.index), wanted)["total"] == 0


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "demo")
    follower = followed(tmp_path)
    follower.index.parent.mkdir()
    follower.index.write_bytes(b"this is no database" * 1000)
    assert len(gains(follower)) == 3


def test_the_index_lies_outside_the_runs_and_differs_by_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one, other = index_file(tmp_path / "runs"), index_file(tmp_path / "others")
    assert one != other
    assert one.is_relative_to(tmp_path / "cache")


def test_an_index_that_cannot_be_written_is_told_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CollmError, match="XDG_CACHE_HOME"):
        open_index(tmp_path / "file" / "i.sqlite")


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    follower = followed(tmp_path)
    open_index(follower.index).close()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        open_reader(follower.index).execute("DELETE FROM episodes")
