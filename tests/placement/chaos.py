"""A run on Ray whose workers, nodes and driver are killed at random moments."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from collm.config.tree import RunConfig, plain
from tests.placement.clusters import add_node
from tests.placement.driver import SYNC
from tests.placement.runs import of_one_policy
from tests.tiny_runs import Recipe

VICTIMS = ("worker",) * 15 + ("node",) * 2 + ("driver",) * 3
MOMENTS = ("sampling", SYNC, "update", "checkpoint", "evaluation") * 4
"""What the run is doing when the order to kill is given."""

LONGEST_WAIT = 0.05
"""Seconds from the order to the kill, at most: it may hit whatever comes next. Weights are sent faster."""

SECTIONS: dict[str, Any] = {
    "agents": {"*": {"batch_rows": 3}},
    "training": {"epochs": 45, "checkpoint_every": 1, "evaluate_every": 2, "keep_checkpoints": 3},
}
PLACEMENT: dict[str, Any] = {
    "type": "ray",
    "call_seconds": 60,
    "restarts": 50,
    "engines": {"replicas": 2},
    "graders": {"workers": 1},
}
ROOT = Path(__file__).parents[2]


def disturbed(recipe: Recipe, address: str) -> RunConfig:
    """The run that is killed."""
    return of_one_policy(recipe, **SECTIONS, placement={**PLACEMENT, "address": address})


@dataclass(frozen=True, slots=True)
class Kill:
    """What was killed, when, and what it cost.

    Attributes:
        at: seconds since the run began.
        update: updates in the log.
        doing: what the run did.
        victim: what was killed, in words.
        kind: ``worker``, ``node`` or ``driver``.
        cost: seconds until the log was longer than at the kill.
    """

    at: float
    update: int
    doing: str
    victim: str
    kind: str
    cost: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.at:6.1f} s, update {self.update:3}, {self.doing}: {self.victim}; "
            f"further after {self.cost:.1f} s"
        )


@dataclass
class Driver:
    """A run in a process of its own, started again as often as it is killed."""

    recipe: Path
    out: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        folder = str(self.out.parent)
        words = ["tests.placement.driver", folder, "train", str(self.recipe), "--out", str(self.out)]
        with (self.out.parent / "driver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words, "--resume"], stdout=log, stderr=log, cwd=ROOT
            )

    @property
    def updates(self) -> int:
        file = self.out / "metrics.jsonl"
        return file.read_bytes().count(b"\n") if file.is_file() else 0

    @property
    def doing(self) -> str:
        return (self._lines("doing") or ["opening"])[-1]

    def workers(self, *nodes: Any) -> dict[str, psutil.Process]:
        """Processes of some nodes, by the roles that they play."""
        roles = {int(number): role for number, role in (line.split(" ", 1) for line in self._lines("roles"))}
        raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
        children = [one for raylet in raylets for one in psutil.Process(raylet).children()]
        return {roles[one.pid]: one for one in children if one.pid in roles}

    @property
    def said(self) -> str:
        return (self.out.parent / "driver.log").read_text(errors="replace")

    def _lines(self, name: str) -> list[str]:
        file = self.out.parent / name
        return file.read_text().splitlines() if file.is_file() else []

    def await_until(self, reached: Callable[[], bool], seconds: float = 240) -> None:
        until = time.monotonic() + seconds
        while not reached():
            assert self.process.poll() is None, f"the run was over before all kills: {self.said}"
            assert time.monotonic() < until, self.said
            time.sleep(0.005)


Shot = Callable[[], None]
"""Kills at once what was chosen before."""


def at_worker(driver: Driver, cluster: Any, dice: random.Random) -> tuple[str, Shot]:
    alive = driver.workers(*cluster.list_all_nodes())
    role = dice.choice(sorted(alive))
    return role, alive[role].kill


def at_node(driver: Driver, cluster: Any) -> tuple[str, Shot]:
    """The one of the two nodes beside the head that has more workers; another takes its place."""
    held = {node: sorted(driver.workers(node)) for node in cluster.list_all_nodes()[1:]}
    node = max(held, key=lambda one: len(held[one]))

    def shoot() -> None:
        cluster.remove_node(node, allow_graceful=False)
        add_node(cluster)

    return f"a node with {', '.join(held[node]) or 'no worker'}", shoot


def at_driver(driver: Driver) -> tuple[str, Shot]:
    def shoot() -> None:
        driver.process.kill()
        driver.process.wait()
        driver.start()

    return "the driver", shoot


def chaos(recipe: Recipe, cluster: Any, folder: Path, seed: int) -> tuple[list[Kill], Driver]:
    """Play a run to its end and kill something at each of the moments; it lies in ``folder/chaos``."""
    file, dice = folder / "recipe.yaml", random.Random(seed)
    file.write_text(yaml.safe_dump(plain(disturbed(recipe, cluster.address))))
    driver, kills = Driver(file, folder / "chaos"), list[Kill]()
    aims: dict[str, Callable[[], tuple[str, Shot]]] = {
        "worker": lambda: at_worker(driver, cluster, dice),
        "node": lambda: at_node(driver, cluster),
        "driver": lambda: at_driver(driver),
    }
    driver.start()
    began = time.monotonic()
    for kind, moment in zip(_shuffled(VICTIMS, dice), _shuffled(MOMENTS, dice), strict=True):
        _await_progress(driver, kills, began)
        victim, shoot = aims[kind]()
        driver.await_until(lambda: driver.doing == moment)  # noqa: B023
        time.sleep(0.0 if moment == SYNC else dice.uniform(0, LONGEST_WAIT))
        kills.append(Kill(time.monotonic() - began, driver.updates, driver.doing, victim, kind))
        shoot()
    _await_progress(driver, kills, began)
    assert driver.process.wait(300) == 0, driver.said
    return kills, driver


def _shuffled(values: tuple[str, ...], dice: random.Random) -> list[str]:
    return dice.sample(values, len(values))


def _await_progress(driver: Driver, kills: list[Kill], began: float) -> None:
    """Until the log is longer than at the last kill, which is told with what it cost."""
    reached = kills[-1].update if kills else 0
    driver.await_until(lambda: driver.updates > reached)
    if kills:
        last = kills.pop()
        kills.append(replace(last, cost=time.monotonic() - began - last.at))
        print(f"kill {len(kills):2} after {kills[-1]}", flush=True)
