from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collm.sweep.local import Local, Process, devices
from collm.sweep.places import Job

PARENT = """
import sys, time
from pathlib import Path
from collm.sweep.local import Local
from collm.sweep.places import Job
folder = Path(sys.argv[1])
Local(1).start(Job("a", (("train", "good.yaml", "--out", "run"),), folder / "log", folder), 0)
time.sleep(600)
"""


def ended(process: Process, seconds: float = 120) -> int:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code = process.poll()
    assert code is not None
    return code


def test_commands_run_one_after_the_other_until_one_fails(tmp_path: Path) -> None:
    commands = (("--version",), ("train", "no_such_recipe"), ("recipes",))
    job = Job("a", commands, tmp_path / "log", tmp_path)
    assert ended(Local(1).start(job, 0)) == 2
    said = (tmp_path / "log").read_text()
    assert said.startswith("collm ")
    assert "error: no_such_recipe" in said
    assert "tldr/" not in said.split("error:")[0]
    assert ended(Local(1).start(Job("b", (("--version",),), tmp_path / "log", tmp_path), 0)) == 0


def test_a_job_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    waiting = "import time, os\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n"
    (tmp_path / "waits.py").write_text(waiting)
    command = [sys.executable, "-c", PARENT.replace('"good.yaml"', '"waits:"'), str(tmp_path)]
    command[2] = PARENT.replace('("train", "good.yaml", "--out", "run")', '("score", "waits:Any")')
    parent = subprocess.Popen(command)
    log = tmp_path / "log"
    deadline = time.monotonic() + 120
    while not (log.is_file() and log.read_text().strip().isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    child = int(log.read_text())
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split(") ")[1][0] == "Z":
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the job outlived its parent")


def test_there_is_a_job_for_each_device_or_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert devices() == ("3", "5")
    assert Local.fitting(None).slots == 2
    assert Local.fitting(7).slots == 7
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert Local.fitting(None).slots == len(os.sched_getaffinity(0))


def test_slots_share_devices_and_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    job = Job("a", (), tmp_path / "log", tmp_path, {"EXTRA": "1"})
    seen = [Local(4)._environment(job, slot) for slot in range(4)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in seen] == ["3", "5", "3", "5"]
    assert {one["OMP_NUM_THREADS"] for one in seen} == {"1"}
    assert seen[0]["EXTRA"] == "1"
