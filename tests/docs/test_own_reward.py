"""The page with a CSV and a reward function: its files, copied as they stand, train and score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collm.runs.files import read_json_lines
from tests.commands import own_modules, run_command
from tests.docs.pages import blocks, documents, typed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for block in blocks("own-reward", "bash"):
        for name, text in documents(block).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with own_modules():
        yield tmp_path


def test_the_page_has_the_three_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["my_recipe.yaml", "my_reward.py", "posts.csv"]


def test_its_commands_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in typed("own-reward"):
        short = () if "--dry-run" in command.arguments else ("training.max_updates=1",)
        finished = run_command((*command.arguments, *short), capfd, b"")
        assert finished.code == 0, finished.err
    (row,) = read_json_lines(folder / "runs" / "mine" / "metrics.jsonl")
    assert 0 <= row["return_mean"] <= 2


def test_its_reward_is_tried_without_a_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("own-reward", "python")
    exec(compile(code, "own-reward.md", "exec"), {})
    assert capsys.readouterr().out == "{'told': 1.0, 'asked': 1.0}\n"
