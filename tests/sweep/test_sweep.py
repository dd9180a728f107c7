"""A sweep for real: processes that train, are killed with their sweep, and go on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.runs.lock import locked
from collm.runs.run import Run
from tests.commands import make_workspace, run_command

PROGRAM = "import sys; from collm.cli.app import main; sys.argv = ['collm', *sys.argv[1:]]; main()"
GRID = """
domains: {forms: {recipe: good.yaml}}
methods:
  CC: {set: [training.epochs=30, training.max_updates=30]}
  Broken: {set: ["env.dataset=absent.jsonl"]}
plays: {Talk: {type: discussion, rounds: 2}}
evaluation: {samples: 2, tasks: 1, greedy: false}
"""


def waited_for(there: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_free(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except CollmError:
        return False


def test_a_sweep_that_is_killed_goes_on_and_reports_what_failed(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    (tmp_path / "grid.yaml").write_text(GRID)
    command = [sys.executable, "-c", PROGRAM, "sweep", "grid.yaml", "--out", "s", "--jobs", "1"]
    run = tmp_path / "s" / "runs" / "forms--cc--seed0"
    first = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    waited_for(lambda: (run / "config.yaml").is_file() and bool(Run(run).metrics))
    first.kill()
    first.wait()
    waited_for(lambda: is_free(run))
    done = len(Run(run).metrics)
    assert 0 < done < 30

    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 1, again.stdout + again.stderr
    summary = json.loads((tmp_path / "s" / "summary.json").read_text())
    states = {cell["labels"]["method"]: cell["state"] for cell in summary["cells"]}
    assert states == {"CC": "finished", "Broken": "failed", "Talk": "finished"}
    (broken,) = (cell for cell in summary["cells"] if cell["state"] == "failed")
    assert "no such file: absent.jsonl" in broken["message"]
    assert [row["update"] for row in Run(run).metrics] == list(range(1, 31))
    assert "Resumed after update" in (tmp_path / "s" / "logs" / "forms--cc--seed0.txt").read_text()
    measures = json.loads((tmp_path / "s/evaluations/forms--talk--seed0/measures.json").read_text())
    assert measures["messages_mean"] == 4.0


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (GRID.replace("rounds", "round"), "grid.yaml: plays.Talk.round: unknown key"),
        (
            GRID.replace("training.epochs=30", "x=1"),
            "grid.yaml: cell domain forms, method CC, seed 0: x: unknown",
        ),
        (GRID.replace("domains", "domain"), "grid.yaml: domain: unknown key"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    grid: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("grid.yaml").write_text(grid)
    finished = run_command(["sweep", "grid.yaml", "--out", "s"], capfd)
    assert (finished.code, Path("s").exists()) == (2, False)
    assert said in finished.err
    assert finished.err.count("\n") == 1


def test_an_unknown_place_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    finished = run_command(["sweep", "grid.yaml", "--on", "the moon"], capfd)
    assert finished.code == 2
    assert "there is no place 'the moon'" in finished.err
