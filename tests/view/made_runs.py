"""Run folders written by hand, small and exactly known."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collm.view.follow import Follower

CONFIG = """env: {type: probe_credit, num_turns: 2}
algorithm: {type: collm_cc, discount: 0.5}
agents: {a: {}, b: {}}
training: {max_updates: 3}
"""


def turn(
    path: Iterable[int], reward: float, replies: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """A row as a run writes it."""
    steps = list(path)
    said = {"a": "0", "b": "1"} if replies is None else dict(replies)
    return {
        "tree": 0,
        "task": "one",
        "path": steps,
        "turn": len(steps) - 1,
        "observations": dict.fromkeys(said, "go"),
        "replies": said,
        "tokens": dict.fromkeys(said, 2),
        "finish_reasons": dict.fromkeys(said, "stop"),
        "reward": reward,
        "raw_reward": reward + 1,
        "terminated": len(steps) == 2,
    } | more


TREE = [
    turn([0], 1.0),
    turn([0, 0], 2.0),
    turn([0, 1], 4.0, {"a": "a rare word", "b": "1"}),
    turn([1], 3.0),
    turn([1, 0], 8.0, finish_reasons={"a": "stop", "b": "length"}),
]


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def write_run(folder: Path, **files: Iterable[Mapping[str, Any]]) -> Path:
    """A run with the episodes of some files, ``__`` standing for ``-``; one update with a tree by default."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG)
    metrics = [{"update": n, "return_mean": float(n), "failures": 0} for n in (1, 2)]
    write_rows(folder / "metrics.jsonl", metrics)
    write_rows(folder / "evaluations.jsonl", [{"update": 0, "name": "before", "return_mean": 0.25}])
    for name, rows in (files or {"update__000001": TREE}).items():
        write_rows(folder / "episodes" / f"{name.replace('__', '-')}.jsonl", rows)
    return folder


def read_whole(follower: Follower) -> None:
    """Read everything that waits, without the thread."""
    from collm.view.index import open_index

    index = open_index(follower.index)
    follower._look()
    while waiting := follower._waiting(index):
        follower._read(index, waiting)
    index.close()


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to write ``own_panels.py`` into, on the path, forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "own_panels.py"
    sys.modules.pop("own_panels", None)
