from __future__ import annotations

from pathlib import Path

import pytest

import collm
from collm.cli.scaffold import new_task
from collm.config.recipes import load_recipe
from collm.errors import CollmError
from tests.commands import fingerprint, own_modules


def test_a_team_trains_on_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = new_task("my_game", tmp_path / "mine")
    assert [path.name for path in written] == ["my_game.csv", "my_game.py", "my_game.yaml"]
    monkeypatch.chdir(tmp_path / "mine")
    with own_modules():
        result = collm.train("my_game.yaml", "run", ["training.max_updates=1", "evaluation.tasks=2"])
    assert result.summary["finished"]
    assert 0 <= result.summary["after"]["return_mean"] <= 2
    assert (tmp_path / "mine" / "run" / "metrics.jsonl").is_file()


def test_the_reward_is_in_its_bounds_and_counts_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_task("my_game", tmp_path)
    monkeypatch.chdir(tmp_path)
    with own_modules():
        env = load_recipe("my_game.yaml").env
        (task, *_), story = env.tasks("train"), "word " * 20
        for headline, expected in (("one two three four five six", 2.0), ("", 0.0), ("word " * 99, 0.0)):
            replies = {"headline": headline, "story": story}
            assert env.step(env.reset(task, 0), replies).reward == pytest.approx(expected)
        assert len(env.tasks("train")) == 8
        assert len(env.tasks("test")) == 4


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my_game.csv").write_text("mine")
    before = fingerprint(tmp_path)
    with pytest.raises(CollmError, match=r"my_game\.csv: this file exists"):
        new_task("my_game", tmp_path)
    assert fingerprint(tmp_path) == before
