"""How quickly the viewer reads, pages and filters a run of many episodes.

It writes such a run, starts the real server on it, and asks what the page asks. Beside the seconds that
pass stand those that the server had a core for: on a busy machine the former say little.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

AGENTS = ("player_1", "player_2")
IN_A_FILE = 32
BLOCKS = ("stone_bricks", "oak_planks", "bricks", "cobblestone", "white_concrete", "glass")

FILTERS: dict[str, dict[str, Any]] = {
    "first page": {},
    "by return": {"sort": "gain"},
    "by tokens": {"sort": "tokens"},
    "the last page": {"sort": "gain", "offset": -100},
    "a task": {"task": "house_0042"},
    "a return and more": {"least": 2.5, "sort": "gain"},
    "three turns, cut off": {"turns_least": 3, "turns_most": 3, "failure": "cut"},
    "cut off: player_2": {"failure": "cut", "agent": "player_2"},
    "took part: player_1": {"agent": "player_1"},
    "updates 100 to 200": {"update_least": 100, "update_most": 200},
    "a rare word": {"text": "obsidian"},
    "a phrase": {"text": "2 oak_planks fill"},
    "a word in nearly all": {"text": "fill"},
    "the same of player_1": {"text": "fill", "agent": "player_1", "sort": "gain"},
}


def reply(dice: random.Random) -> str:
    def line() -> str:
        corners = " ".join(str(dice.randrange(5)) for _ in range(6))
        return f"/fill {corners} {'obsidian' if dice.random() < 1e-5 else dice.choice(BLOCKS)}"

    return "\n".join(line() for _ in range(dice.randrange(2, 12)))


def episode_rows(dice: random.Random, tree: int) -> Iterator[dict[str, Any]]:
    task, turns = f"house_{dice.randrange(256):04}", dice.choice((2, 3, 4, 4, 4))
    for t in range(turns):
        sees = "You are one of two players who build a house. " * (32 if t == 0 else 2)
        reward = dice.random()
        yield {
            "tree": tree,
            "task": task,
            "path": [0] * (t + 1),
            "turn": t,
            "observations": dict.fromkeys(AGENTS, sees),
            "replies": {name: reply(dice) for name in AGENTS},
            "tokens": {name: dice.randrange(10, 97) for name in AGENTS},
            "finish_reasons": {name: "length" if dice.random() < 0.1 else "stop" for name in AGENTS},
            "logprobs": {name: -10 * dice.random() for name in AGENTS},
            "raw_reward": reward,
            "reward": reward,
            "components": {"match": reward, "spiders": 0.0},
            "metrics": {"iou": reward},
            "terminated": t == turns - 1,
            "values": {"team": 0.1},
            "targets": {"team": 0.2},
            "advantages": dict.fromkeys(AGENTS, 0.5),
        }


def write_run(folder: Path, episodes: int) -> None:
    dice = random.Random(0)
    (folder / "episodes").mkdir(parents=True)
    (folder / "config.yaml").write_text("env: {type: housebuild}\nalgorithm: {type: collm_cc}\n")
    updates = -(-episodes // IN_A_FILE)
    with (folder / "metrics.jsonl").open("w") as stream:
        for update in range(1, updates + 1):
            stream.write(json.dumps({"update": update, "return_mean": dice.random()}) + "\n")
    for update in range(1, updates + 1):
        trees = range(min(IN_A_FILE, episodes - (update - 1) * IN_A_FILE))
        rows = (json.dumps(row) + "\n" for tree in trees for row in episode_rows(dice, tree))
        (folder / "episodes" / f"update-{update:06}.jsonl").write_text("".join(rows))


class Server:
    """``collm view`` on a folder, with an index of its own."""

    def __init__(self, runs: Path, cache: Path) -> None:
        command = [sys.executable, "-c", "from collm.cli.app import main; main()"]
        env = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "view", str(runs), "--port", "0"], env=env, text=True, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+/", self.process.stdout.readline())
        assert found is not None
        self.url = found[0]

    def ask(self, what: str, **query: Any) -> tuple[Any, float]:
        """The answer and how many seconds it took."""
        started = time.perf_counter()
        with urllib.request.urlopen(f"{self.url}api/{what}?{urlencode(query)}", timeout=600) as answer:
            data = json.loads(answer.read())
        return data, time.perf_counter() - started

    def wait_for(self, episodes: int) -> float:
        """Seconds from the start until so many episodes can be found."""
        while self.ask("episodes", limit=0)[0]["total"] < episodes:
            time.sleep(0.2)
        return time.perf_counter() - self.started

    def core_seconds(self) -> float:
        """How long it had a core since it started."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> float:
        """The most memory that it has held, in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1000  # type: ignore[index]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def measure(runs: Path, cache: Path, episodes: int, repeats: int) -> None:
    cold = Server(runs, cache)
    print(f"cold: first page {cold.wait_for(1):.2f} s after the start of the process", end="; ")
    print(f"a page while files are read {1000 * cold.ask('episodes')[1]:.0f} ms", end="; ")
    print(f"all read after {cold.wait_for(episodes):.1f} s", end=", ")
    print(f"{cold.core_seconds():.1f} s of a core", end=", ")
    print(f"{cold.peak():.0f} MB at most; index {size(cache) / 1e6:.0f} MB of {size(runs) / 1e6:.0f} MB")
    cold.stop()
    warm = Server(runs, cache)
    print(f"warm: first page {warm.wait_for(1):.2f} s after the start of the process", end=", ")
    print(f"{warm.core_seconds():.2f} s of a core")
    for name, query in FILTERS.items():
        told = dict(query)
        if told.get("offset", 0) < 0:
            told["offset"] += episodes
        before = warm.core_seconds()
        times = [warm.ask("episodes", **told) for _ in range(repeats)]
        core = 1000 * (warm.core_seconds() - before) / repeats
        seconds = sorted(1000 * spent for _, spent in times)
        print(f"{name:24} {times[0][0]['total']:7} found", end="  ")
        print(f"median {statistics.median(seconds):6.1f} ms  most {seconds[-1]:6.1f} ms  core {core:6.1f} ms")
    warm.stop()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="a folder that is used again if it is there")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="collm-view-"))
    if not (folder / "runs").is_dir():
        write_run(folder / "runs" / "many", options.episodes)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    print(f"{options.episodes} episodes on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    measure(folder / "runs", folder / "cache", options.episodes, options.repeats)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    if options.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
