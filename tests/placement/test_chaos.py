"""Kills workers, nodes and the driver at random moments, and compares with a run that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from collm.config.tree import RunConfig, make_config, plain
from collm.training.display import Silent
from collm.training.run import train
from tests.placement.clusters import add_node, three_nodes
from tests.placement.runs import assert_same_results
from tests.tiny_runs import Recipe

pytestmark = pytest.mark.ray

KILLS = 20
NODES, DRIVERS = 2, 3
"""How many of the kills hit a whole node, and how many the process that drives the run."""

LONGEST_WAIT = 0.5
"""Seconds from the first sign of progress to the next kill, at most."""

SECTIONS: dict[str, Any] = {
    "agents": {"*": {"batch_rows": 3}},
    "training": {"epochs": 75, "checkpoint_every": 1, "evaluate_every": 4, "keep_checkpoints": 3},
}
COMMAND = "from collm.cli.app import main; main()"


def shared(recipe: Recipe, **sections: Any) -> RunConfig:
    """Two agents of one policy: few workers, which are soon there again."""
    values = plain(recipe(**SECTIONS))
    values["agents"]["b"] = {"shares": "a"}
    return make_config({**values, **sections}, "recipe")


@dataclass
class Driver:
    """A run in a process of its own, started again as often as it is killed."""

    recipe: Path
    out: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        line = [sys.executable, "-c", COMMAND, "train", str(self.recipe), "--out", str(self.out), "--resume"]
        with (self.out.parent / "driver.log").open("ab") as log:
            self.process = subprocess.Popen(line, stdout=log, stderr=log)

    def updates(self) -> int:
        file = self.out / "metrics.jsonl"
        return len(file.read_bytes().splitlines()) if file.is_file() else 0

    @property
    def said(self) -> str:
        return (self.out.parent / "driver.log").read_text(errors="replace")


def workers() -> list[psutil.Process]:
    """The processes that play roles, of whatever node on this machine."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if "ray::Worker" in " ".join(one.info["cmdline"] or [])
    ]


def kill_worker(dice: random.Random) -> str:
    alive = workers()
    if not alive:
        return "nobody: all workers were being replaced"
    victim = dice.choice(alive)
    doing = " ".join(victim.info["cmdline"]).strip()
    os.kill(victim.pid, signal.SIGKILL)
    return f"a worker ({doing})"


def kill_node(cluster: Any) -> str:
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    add_node(cluster)
    return "a node with its workers"


def kill_driver(driver: Driver) -> str:
    driver.process.send_signal(signal.SIGKILL)
    driver.process.wait()
    driver.start()
    return "the driver"


def wait_for_progress(driver: Driver, seen: int, seconds: float = 240) -> None:
    """Until the log holds another number of updates than was seen."""
    until = time.monotonic() + seconds
    while driver.updates() == seen:
        assert driver.process.poll() in (None, 0), driver.said
        assert time.monotonic() < until, driver.said
        if driver.process.poll() == 0:
            return
        time.sleep(0.05)


def test_a_run_survives_twenty_kills_at_random_moments_bit_for_bit(recipe: Recipe, tmp_path: Path) -> None:
    train(shared(recipe), tmp_path / "calm", Silent())
    dice = random.Random(2026)
    with three_nodes() as cluster:
        placement = {"type": "ray", "address": cluster.address, "call_seconds": 60, "restarts": 50}
        placement |= {"engines": {"replicas": 2}, "graders": {"workers": 1}}
        file = tmp_path / "recipe.yaml"
        file.write_text(yaml.safe_dump(plain(shared(recipe, placement=placement))))
        driver = Driver(file, tmp_path / "chaos")
        kinds: list[Callable[[], str]] = [lambda: kill_worker(dice)] * (KILLS - NODES - DRIVERS)
        kinds += [lambda: kill_node(cluster)] * NODES + [lambda: kill_driver(driver)] * DRIVERS
        dice.shuffle(kinds)
        driver.start()
        began = time.monotonic()
        for number, kill in enumerate(kinds, start=1):
            wait_for_progress(driver, driver.updates())
            assert driver.process.poll() is None, "the run was over before all kills"
            time.sleep(dice.uniform(0, LONGEST_WAIT))
            at = driver.updates()
            print(
                f"{time.monotonic() - began:6.1f} s  kill {number:2}  after update {at:2}: {kill()}",
                flush=True,
            )
        assert driver.process.wait(300) == 0, driver.said
        replaced = driver.said.count("Going on from")
        print(f"{KILLS} kills, {replaced} times workers were replaced, {driver.updates()} updates: identical")
    assert_same_results(tmp_path / "chaos", tmp_path / "calm")
