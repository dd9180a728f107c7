"""A team given to others: the folder, its card, and what reaches the hub."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import yaml
from httpx2 import ConnectError
from huggingface_hub.errors import LocalTokenNotFoundError

from collm.errors import CollmError
from collm.evaluation.saved import open_team
from collm.report.hub import push_to_hub, write_team
from collm.runs.files import damage
from collm.runs.run import Run
from collm.training.display import Silent
from collm.training.run import train
from collm.training.starting import start_of
from tests.tiny_runs import Recipe


@pytest.fixture(scope="module")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hub") / "probe run"
    train(recipe(training={"max_updates": 2, "evaluate_every": 1}), out, Silent())
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Hub:
    """Stands in for ``HfApi``: keeps what is sent."""

    def __init__(self) -> None:
        self.repos: dict[str, bool] = {}
        self.files: dict[str, bytes] = {}

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok or repo_id not in self.repos
        self.repos[repo_id] = private

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> SimpleNamespace:
        assert repo_id in self.repos
        self.files, self.title = files(folder_path), commit_message
        return SimpleNamespace(commit_url=f"https://hub.example/{repo_id}/commit/1")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    stand_in = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: stand_in)
    return stand_in


def card(folder: Path) -> tuple[dict[str, Any], str]:
    _, header, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header), text


def test_the_folder_is_a_team_that_evaluates(run: Path, tmp_path: Path) -> None:
    team = write_team(run, tmp_path / "team", "apache-2.0")
    assert damage(team) is None
    top = {name.split("/")[0] for name in files(team)}
    logs = {"metrics.jsonl", "evaluations.jsonl"}
    assert top == {"README.md", "agents", "config.yaml", "curve.png", "manifest.json"} | logs
    newest = Run(run).checkpoints[-1]
    assert files(team / "agents") == files(newest / "agents")
    _, policies, place = open_team(str(team), [])
    assert (set(policies), place) == ({"a", "b"}, str(team))


def test_a_run_can_start_from_the_folder(recipe: Recipe, run: Path, tmp_path: Path) -> None:
    team = write_team(run, tmp_path / "team")
    assert start_of(recipe(training={"start_from": str(team)}), lambda line: None) == team


def test_the_card_tells_of_the_task_the_numbers_and_the_licence(run: Path, tmp_path: Path) -> None:
    header, text = card(write_team(run, tmp_path / "team", "apache-2.0"))
    assert header == {
        "library_name": "collm",
        "tags": ["collm", "multi-agent", "reinforcement-learning", "collm_cc"],
        "license": "apache-2.0",
    }
    assert text.lstrip().startswith("# probe run\n")
    assert "`probe_credit`" in text
    assert "after update 2, seed 3" in text
    for row in Run(run).evaluations:
        assert f"| {row['update']} | {row['return_mean']:.3f} | {row['greedy_return_mean']:.3f} |" in text
    assert "![Learning curve](curve.png)" in text
    assert "Published under `apache-2.0`." in text
    recipe = text.split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(recipe) == dict(Run(run).config)


def test_without_a_licence_the_card_names_none(run: Path, tmp_path: Path) -> None:
    header, text = card(write_team(run, tmp_path / "team"))
    assert "license" not in header
    assert "Published under" not in text
    assert "trained from a local model" in text


def test_the_hub_gets_exactly_the_folder(run: Path, hub: Hub, tmp_path: Path) -> None:
    address = push_to_hub(run, "ann/probe", private=True)
    assert address == "https://hub.example/ann/probe/commit/1"
    assert hub.repos == {"ann/probe": True}
    assert hub.title == "Add the team of probe run"
    assert hub.files == files(write_team(run, tmp_path / "team"))
    push_to_hub(run, "ann/probe")


@pytest.mark.parametrize("error", [LocalTokenNotFoundError("no token."), ConnectError("no route.")])
def test_what_the_hub_refuses_is_told(
    run: Path, hub: Hub, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(hub, "create_repo", refused)
    with pytest.raises(CollmError, match=r"--repo ann/probe: the hub refused: no \w+\. .*hf auth login"):
        push_to_hub(run, "ann/probe")


def test_what_lies_there_is_kept(run: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CollmError, match="something lies there"):
        write_team(run, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_run_without_a_checkpoint_has_no_team(run: Path, tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.yaml").write_text(json.dumps(dict(Run(run).config)))
    with pytest.raises(CollmError, match="no whole checkpoint here"):
        write_team(tmp_path / "begun", tmp_path / "team")
