from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import collm
from collm.cli.scaffold import new_environment
from collm.contract.check_env import check_env
from collm.env import make_env
from collm.errors import CollmError
from tests.commands import fingerprint, own_modules


def test_the_skeleton_passes_its_own_tests(tmp_path: Path) -> None:
    written = new_environment("my_game", tmp_path / "games")
    assert [path.name for path in written] == ["my_game.py", "test_my_game.py", "my_game.yaml"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_game.py"]
    ended = subprocess.run(command, cwd=tmp_path / "games", capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "passed" in ended.stdout


def test_a_team_trains_on_the_skeleton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_environment("my_game", tmp_path)
    monkeypatch.chdir(tmp_path)
    with own_modules():
        result = collm.train("my_game.yaml", "run", ["training.max_updates=1", "evaluation.greedy=false"])
    assert result.summary["finished"]
    assert set(result.summary["after"]) >= {"return_mean", "both_right"}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("state", "MyState"),
        ("task", "MyTask"),
        ("observation", "MyObservation"),
        ("transition", "MyTransition"),
        ("environment", "MyEnvironment"),
        ("class_var", "MyClassVar"),
        ("none", "MyNone"),
        ("_", "My"),
        ("__", "My"),
        ("_7", "My7"),
        ("my_game", "MyGame"),
    ],
)
def test_the_class_takes_no_name_that_the_skeleton_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, title: str
) -> None:
    _, tests, recipe = new_environment(name, tmp_path)
    assert f"type: {name}:{title}\n" in recipe.read_text()
    assert f"from {name} import {title}\n" in tests.read_text()
    monkeypatch.chdir(tmp_path)
    with own_modules():
        check_env(make_env({"type": f"{name}:{title}"}))
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("My_game", "not a name for a module"),
        ("my-game", "not a name for a module"),
        ("class", "not a name for a module"),
        ("", "not a name for a module"),
        ("json", "there is a module of that name"),
        ("collm", "there is a module of that name"),
        ("__main__", "there is a module of that name"),
    ],
)
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        new_environment(name, tmp_path / "games")
    assert not (tmp_path / "games").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my_game.yaml").write_text("mine")
    before = fingerprint(tmp_path)
    with pytest.raises(CollmError, match=r"my_game\.yaml: this file exists"):
        new_environment("my_game", tmp_path)
    assert fingerprint(tmp_path) == before
