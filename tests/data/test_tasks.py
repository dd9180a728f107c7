from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collm.data.tasks import load_tasks
from collm.errors import CollmError

ROWS = [{"id": name} for name in ("a", "b", "c", "a")]


@dataclass(frozen=True)
class Named:
    id: str


def parse(row: Mapping[str, Any], where: str) -> Named:
    return Named(row["id"])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS))
    return str(path)


def test_rows_become_tasks(file: str) -> None:
    assert load_tasks(file, parse, "train", ":2") == [Named("a"), Named("b")]
    assert load_tasks(file, parse, "test", "1:", columns=("id",)) == [Named("b"), Named("c"), Named("a")]


def test_two_tasks_of_one_id_are_refused_by_both_places(file: str) -> None:
    with pytest.raises(CollmError) as caught:
        load_tasks(file, parse, "train", None)
    assert caught.value.where == f"{file}[3]"
    assert caught.value.problem == f"its task has the id 'a', as that of {file}[0]."


def test_tasks_of_a_hub_dataset_may_share_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = SimpleNamespace(load_dataset=lambda name, split: ROWS)
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert len(load_tasks("some/posts", parse, "train", "train")) == 4


def test_the_field_at_fault_is_named(file: str) -> None:
    with pytest.raises(CollmError, match=r"env\.test: slice '9:' of 4 rows is empty"):
        load_tasks(file, parse, "test", "9:")
    with pytest.raises(CollmError, match=r"no column 'text'"):
        load_tasks(file, parse, "test", None, columns=("text",))
