"""Joint samples a second of collm and of comlrl, the papers' own library, with the peak of memory of each.

Both train two models (Qwen3 and Qwen2 architecture, random weights) with MAGRPO and with decentralized and
centralized critics: the same checkpoints, prompts, reward, sampling, tokens and optimizer steps of agents
(comlrl's centralized critic takes a step for each agent's). Each measurement is a process of its own that
trains on one task before the clock starts, ours on as many as one step holds; the sides take turns, so that
a drifting machine hits both. With one thread seconds are those of the process's own work, so that a busy
machine matters little. Ours keeps the memory that it has freed, as a run does.

    pip install comlrl wandb datasets
    python -m benchmarks.against_comlrl --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case, Size, recipe, save_models, team_of, train, warm_up
from benchmarks.outcome import arguments, bars, leave

SIDES = ("comlrl", "one task", "eight tasks")
_TOGETHER = {"one task": 1, "eight tasks": 8}


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(measured(json.loads(options.child))))
        return
    chosen = [case for case in CASES if not options.cases or case.name in options.cases]
    rows = list(_compared(chosen, options))
    figure = bars(rows, ["one task", "eight tasks"], "joint samples a second, comlrl = 1", line=1.0)
    leave("against_comlrl", rows, figure, options)


def _options() -> argparse.Namespace:
    parser = arguments(__doc__)
    parser.add_argument("--width", type=int, default=Size().width)
    parser.add_argument("--layers", type=int, default=Size().layers)
    parser.add_argument("--prompt", type=int, default=Size().prompt)
    parser.add_argument("--reply", type=int, default=Size().reply)
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="*", help="names of cases; all by default")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _compared(cases: list[Case], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    size = {name: getattr(options, name) for name in ("width", "layers", "prompt", "reply")}
    with tempfile.TemporaryDirectory() as folder:
        save_models(Path(folder), Size(**size))
        for case in cases:
            told = {"case": case.name, "size": size, "folder": folder, "tasks": options.tasks}
            rounds = [
                {side: _child({**told, "side": side, "threads": options.threads}) for side in SIDES}
                for _ in range(options.rounds)
            ]
            row = _row(case, rounds)
            print(row, file=sys.stderr, flush=True)
            yield row


def _child(told: dict[str, Any]) -> dict[str, float]:
    threads = str(told["threads"])
    env = {**os.environ, "OMP_NUM_THREADS": threads, "WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.against_comlrl", "--child", json.dumps(told)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _row(case: Case, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.name}
    for side in SIDES[1:]:
        ratios = [one[side]["rate"] / one["comlrl"]["rate"] for one in rounds]
        row[side] = statistics.median(ratios)
        row[f"{side}, range"] = f"{min(ratios):.2f}-{max(ratios):.2f}"
    for side in SIDES:
        row[f"{side}, samples/s"] = statistics.median(one[side]["rate"] for one in rounds)
        row[f"{side}, MB"] = round(statistics.median(one[side]["peak"] for one in rounds) / 1e6)
    return row


def measured(told: dict[str, Any]) -> dict[str, float]:
    """Joint samples a second, and by how many bytes the resident size rose above that of the libraries."""
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(told["threads"])
    case = next(one for one in CASES if one.name == told["case"])
    size, folder, tasks = Size(**told["size"]), Path(told["folder"]), told["tasks"]
    if told["side"] == "comlrl":
        from benchmarks.reference import train_reference

        before = _status("VmRSS")
        train_reference(case, size, folder, 1)
        seconds, samples = train_reference(case, size, folder, tasks)
    else:
        before = _status("VmRSS")
        together = min(tasks, _TOGETHER[told["side"]])
        config = recipe(case, size, folder, tasks, together)
        team = team_of(config)
        warm_up(case, size, folder, team, together)
        timing = train(config, team)
        seconds, samples = timing.seconds, timing.samples
    return {"rate": samples / seconds, "peak": _status("VmHWM") - before}


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
