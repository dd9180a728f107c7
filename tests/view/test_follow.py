from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from collm.view.follow import Follower
from collm.view.index import open_reader
from collm.view.query import counts
from collm.view.server import View
from tests.view.made_runs import TREE, write_rows, write_run


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "nothing happened for 30 s"
        time.sleep(0.02)


def test_what_a_run_adds_appears_by_itself(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    follower = Follower(tmp_path / "runs", tmp_path / "i.sqlite")
    follower.start()
    try:
        wait_for(lambda: counts(open_reader(follower.index)) == {"demo": 3})
        before = follower.seen.changes["demo"]
        write_rows(run / "episodes" / "update-000002.jsonl", TREE)
        write_run(tmp_path / "runs" / "other")
        wait_for(lambda: counts(open_reader(follower.index)) == {"demo": 6, "other": 3})
        assert follower.seen.changes["demo"] > before
        wait_for(lambda: follower.seen.waiting == 0)
    finally:
        follower.stop()


def test_a_log_that_grows_is_a_change_of_its_run_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    write_run(tmp_path / "runs" / "other")
    follower = Follower(tmp_path / "runs", tmp_path / "i.sqlite")
    follower._look()
    before = dict(follower.seen.changes)
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"update": 3}\n')
    follower._look()
    follower._look()
    assert follower.seen.changes == {"demo": before["demo"] + 1, "other": before["other"]}


def test_the_page_is_told_of_changes_and_of_nothing_else(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "demo")
    follower = Follower(tmp_path / "runs", tmp_path / "i.sqlite")
    follower._look()

    async def told() -> list[int]:
        news = View(follower)._changes()
        first = json.loads((await anext(news))["data"])["changes"]["demo"]
        follower._look()
        (run / "summary.json").write_text("{}")
        follower._look()
        return [first, json.loads((await anext(news))["data"])["changes"]["demo"]]

    first, second = asyncio.run(told())
    assert second == first + 1
