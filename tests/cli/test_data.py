from __future__ import annotations

import json
from pathlib import Path

import pytest

from collm.data.known import KNOWN
from tests.commands import run_command


def test_every_dataset_is_listed_with_what_a_recipe_calls_it(capfd: pytest.CaptureFixture[str]) -> None:
    finished = run_command(["data", "list"], capfd)
    assert finished.code == 0
    for name, known in KNOWN.items():
        assert f"{name} " in finished.out
        assert f"env.dataset={known.dataset}" in finished.out


def test_what_lies_there_is_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "data" / "housebuild.json"
    file.parent.mkdir()
    file.write_text(json.dumps([{"task_id": "1"}]))
    finished = run_command(["data", "fetch", "housebuild", "--in", tmp_path], capfd)
    assert (finished.code, finished.out) == (0, f"{file} lies there already: 1 rows\n")


def test_an_unknown_dataset_is_one_message(capfd: pytest.CaptureFixture[str]) -> None:
    finished = run_command(["data", "fetch", "houses"], capfd)
    assert finished.code == 2
    assert (
        finished.err
        == f"error: houses: no dataset of that name. To mend it: use one of {', '.join(KNOWN)}.\n"
    )
