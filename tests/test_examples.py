"""Every file under examples/ runs as its first lines say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import collm
from collm.base.registry import load_object
from collm.contract.check_env import check_env
from collm.env import make_env
from tests.commands import own_modules

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_every_example_is_tested_here() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".yaml", ".ipynb")}
    assert names == {"ten_lines.py", "own_environment.py", "own_environment.yaml", "first_run.ipynb"}


def test_ten_lines(tmp_path: Path) -> None:
    overrides = (
        "training.max_updates=1",
        "training.tasks_per_update=1",
        "evaluation.tasks=1",
        "training.threads=1",
    )
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "ten_lines.py", "run", *overrides],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["return_mean", "iou", "hp"]
    for line in lines:
        assert re.search(r": -?\d+\.\d{3} before, -?\d+\.\d{3} after 1 updates$", line)
    code = (EXAMPLES / "ten_lines.py").read_text().splitlines()
    assert len(code) <= 12


def test_the_notebook_runs_from_its_first_cell_to_its_last() -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(EXAMPLES / "first_run.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")]
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    printed = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    told = [line for text in printed for line in text.splitlines()]
    assert [line.partition(":")[0] for line in told if "return" in line] == [
        "test tasks after update 0",
        "update 1",
        "update 2",
        "test tasks after update 2",
    ]
    assert told[-1] == "curve.png"


@pytest.fixture
def in_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)


@pytest.mark.usefixtures("in_examples")
def test_the_environment_of_ones_own_keeps_its_promises() -> None:
    with own_modules():
        env = make_env({"type": "own_environment:Guess"})
        check_env(env)
        game = env.reset(env.parse_task({"total": 7}, "here"), 0)
        assert env.step(game, {"first": "3", "second": "I say 4"}).reward == 1
        assert env.step(game, {"first": "3", "second": "5"}).reward == pytest.approx(1 - 1 / 18)
        assert env.step(game, {"first": "3", "second": "12"}).reward == 0
        assert "10" in env.observe(env.step(game, {"first": "5", "second": "5"}).state)["first"].text
        assert load_object("own_environment:Guess", "here") is type(env)


@pytest.mark.usefixtures("in_examples")
def test_a_team_trains_on_the_environment_of_ones_own(tmp_path: Path) -> None:
    with own_modules():
        overrides = ["training.max_updates=1", "training.tasks_per_update=2", "evaluation.tasks=2"]
        result = collm.train("own_environment.yaml", tmp_path / "run", overrides)
    assert result.summary["finished"]
    assert "type: own_environment:Guess" in (tmp_path / "run" / "config.yaml").read_text()


def test_the_first_lines_check_the_environment() -> None:
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "own_environment.py"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "The environment keeps every promise of the protocol.\n")
