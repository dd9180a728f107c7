"""Cells on a real cluster of three nodes on this machine."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.runs.run import Run
from collm.sweep.on_ray import OnRay, RayCell
from collm.sweep.places import Job
from tests.commands import make_workspace, own_modules, run_command
from tests.placement.clusters import CPUS

pytestmark = pytest.mark.ray

GRID = """
domains: {forms: {recipe: good.yaml}}
methods:
  CC: {}
  Broken: {set: ["env.dataset=absent.jsonl"]}
set: [training.epochs=1]
evaluation: {samples: 2, tasks: 1, greedy: false}
"""
WAITS = "import time\nfrom pathlib import Path\nPath('began').touch()\ntime.sleep(600)\n"


def waiting(folder: Path) -> Job:
    (folder / "waits.py").write_text(WAITS)
    return Job("a", (("score", "waits:Any"),), folder / "log", folder)


def ended(cell: RayCell, seconds: float = 240) -> int:
    deadline = time.monotonic() + seconds
    while (code := cell.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return code


def begun(cell: RayCell, folder: Path) -> None:
    """Wait until the job's own code runs."""
    deadline = time.monotonic() + 240
    while not (folder / "began").exists():
        assert cell.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_cells_come_back_as_they_were_played_here_and_one_that_fails_is_reported(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("grid.yaml").write_text(GRID)
    with own_modules():
        here = run_command(["sweep", "grid.yaml", "--out", "here", "--jobs", "2"], capfd)
        there = run_command(["sweep", "grid.yaml", "--out", "there", "--on", f"ray:{address}"], capfd)
    assert (here.code, there.code) == (1, 1), here.out + there.out
    summary = json.loads(Path("there/summary.json").read_text())
    told = {cell["labels"]["method"]: (cell["state"], cell["message"]) for cell in summary["cells"]}
    assert told["CC"] == ("finished", "")
    assert told["Broken"][0] == "failed"
    assert "no such file: absent.jsonl" in told["Broken"][1]
    name = "forms--cc--seed0"
    assert played(Path("there"), name) == played(Path("here"), name)
    assert "collm-" not in Path(f"there/logs/{name}.txt").read_text()


def played(sweep: Path, name: str) -> tuple[list[float], float, list[str]]:
    """Every update's return, the return that was evaluated, the last checkpoint's checksums without times."""
    run, measures = Run(sweep / "runs" / name), sweep / "evaluations" / name / "measures.json"
    evaluated = json.loads(measures.read_text())["return_mean"]
    (*_, newest) = sorted((sweep / "runs" / name / "checkpoints").iterdir())
    sums = (newest / "manifest.json").read_text().splitlines()
    same = [line for line in sums if "counters.json" not in line]
    return [row["return_mean"] for row in run.metrics], evaluated, same


def test_a_lost_worker_is_a_failed_cell_and_its_slot_is_filled_again(address: str, tmp_path: Path) -> None:
    place, job = OnRay(address, None), waiting(tmp_path)
    assert place.slots == 3 * CPUS
    cell = place.start(job, 0)
    begun(cell, tmp_path)
    os.kill(place._seats[0].process(), signal.SIGKILL)
    assert ended(cell) == 1
    assert "the worker for cells 1 is gone" in job.log.read_text()
    assert ended(place.start(Job("b", (("--version",),), tmp_path / "log", tmp_path), 0)) == 0


def test_a_cell_that_is_asked_to_stop_ends(address: str, tmp_path: Path) -> None:
    cell = OnRay(address, 1).start(waiting(tmp_path), 0)
    begun(cell, tmp_path)
    cell.stop()
    assert ended(cell) == -signal.SIGTERM


def test_an_address_without_a_cluster_is_one_message() -> None:
    import ray

    ray.shutdown()
    with pytest.raises(CollmError, match=r"placement.address: no Ray cluster answers at 127.0.0.1:9"):
        OnRay("127.0.0.1:9", None)
