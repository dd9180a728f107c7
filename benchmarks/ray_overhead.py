"""Seconds of an update on Ray over those in one process, on this machine; and what the estimate says.

``python -m benchmarks.ray_overhead`` trains the demo's team and two random models of about 100 M parameters,
each three times: in one process, on Ray with all workers on one core, and on Ray with every core. It writes
``ray_overhead.json``, ``.md`` and ``.png``. Results are compared: a run that differs is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Case, Size, recipe, save_models
from benchmarks.outcome import arguments, bars, leave, markdown
from collm.config.placement import LocalPlacement, RayPlacement
from collm.config.recipes import load_recipe
from collm.config.tree import RunConfig

SIZES = {
    "tiny": Size(width=64, layers=2, prompt=96, reply=32),
    "100 M": Size(width=1024, layers=11, prompt=48, reply=16),
}
CASES = ("demo", *SIZES)
TASKS = {"demo": 32, "tiny": 32, "100 M": 2}
PLACES = ("here", "Ray, one core", "Ray, all cores")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--updates", type=int, default=3, help="of each run; the first is not counted")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        case, place, folder = options.child
        train_child(case, place, Path(folder), options.updates)
        return
    rows = []
    for case in options.cases:
        rows.append(measured(case, options.updates))
        print(json.dumps(rows[-1]), flush=True)
    leave("ray_overhead", rows, bars(rows, RATIOS, "times as long as in one process", 1.0), options)
    (options.out / "ray_overhead.md").write_text(markdown(rows))


RATIOS = tuple(f"{place} / here" for place in PLACES[1:])


def measured(case: str, updates: int) -> dict[str, Any]:
    """Median seconds of an update in each place, their ratios, and what is predicted."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        if case in SIZES:
            save_models(Path(folder), SIZES[case])
        for place in PLACES:
            found[place] = _trained(case, place, folder, updates)
        told = predicted(case, folder)
    for place in PLACES[1:]:
        assert found[place]["returns"] == found["here"]["returns"], f"{case}: {place} differs"
    times = {place: one["seconds"] for place, one in found.items()}
    ratios = {f"{place} / here": times[place] / times["here"] for place in PLACES[1:]}
    return {"case": case, **{f"{place}, s": value for place, value in times.items()}, **ratios, **told}


def _trained(case: str, place: str, folder: str, updates: int) -> dict[str, Any]:
    line = [sys.executable, "-W", "ignore", "-m", "benchmarks.ray_overhead", "--updates", str(updates)]
    done = subprocess.run([*line, "--child", case, place, folder], check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def train_child(case: str, place: str, folder: Path, updates: int) -> None:
    """A run in this process; the median seconds of its later updates, and every update's return."""
    if place == "Ray, one core":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from collm.base.quiet import quiet_libraries

    quiet_libraries()
    from collm.training.display import Silent
    from collm.training.run import train

    config, out = configuration(case, folder, updates), Path(tempfile.mkdtemp(dir=folder))
    placement = LocalPlacement() if place == "here" else RayPlacement()
    train(config.model_copy(update={"placement": placement}), out, Silent())
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    spent = [row["rollout_seconds"] + row["learn_seconds"] for row in rows[1:]]
    print(json.dumps({"seconds": median(spent), "returns": [row["return_mean"] for row in rows]}))


def configuration(case: str, folder: Path, updates: int) -> RunConfig:
    """The recipe of a case, without checkpoints between updates and with next to no evaluation."""
    if case == "demo":
        config = load_recipe("demo", ["evaluation.samples=1"])
    else:
        tasks = TASKS[case]
        config = recipe(Case("CC", "collm_cc", 1, None), SIZES[case], folder, tasks * updates, tasks)
    given = {"max_updates": updates, "checkpoint_every": 0, "evaluate_every": 0, "threads": 1}
    training = config.training.model_copy(update=given)
    evaluation = config.evaluation.model_copy(update={"tasks": 1, "greedy": False})
    return config.model_copy(update={"training": training, "evaluation": evaluation})


def predicted(case: str, folder: str) -> dict[str, float]:
    """What ``collm estimate`` counts for an update, at the rates that this machine has now.

    Of the demo it is left out, whose texts have no fixed length. Ray's update is the longest worker of each
    phase, as if each had a core.
    """
    if case not in SIZES:
        return {}
    import torch

    from collm.report.cluster import spread
    from collm.report.measuring import measured_rates
    from collm.report.timing import of_lengths, seconds

    torch.set_num_threads(1)
    rates = measured_rates(torch.device("cpu"), "float32")
    size = SIZES[case]
    config = of_lengths(configuration(case, Path(folder), 2), size.prompt, size.reply)
    _, phases = spread(config, rates)
    return {
        "here, estimated s": sum(one.total for one in seconds(config, rates)),
        "Ray, a core each, estimated s": sum(phases.values()),
    }


if __name__ == "__main__":
    main()
