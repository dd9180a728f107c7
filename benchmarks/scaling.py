"""How time grows with turns, samples, replies, prompts, tasks and parameters: slopes of logarithms.

python -m benchmarks.scaling
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from transformers.utils import logging

from benchmarks.cases import Case, Size, recipe, save_models, team_of, train
from benchmarks.outcome import arguments, leave

_CC, _TREE = Case("CC", "collm_cc", 1, None), Case("MAGRPO", "magrpo", 1, None, 2)
_Point = tuple[float, Case, Size, int]


def lines(tasks: int, steps: int) -> dict[str, list[_Point]]:
    """What is varied, each point with its case, size and number of tasks."""
    powers, size = [2**k for k in range(steps)], Size()
    return {
        "turns H": [(h, replace(_CC, turns=h), size, tasks) for h in powers],
        "samples K": [(2 * k, replace(_TREE, generations=2 * k), size, tasks) for k in powers],
        "turns of a tree, in joint actions": [
            (one.samples, one, size, 1) for one in (replace(_TREE, turns=h + 1) for h in range(steps))
        ],
        "reply tokens": [(16 * k, _CC, replace(size, reply=16 * k), tasks) for k in powers],
        "prompt tokens": [(128 * k, _CC, replace(size, prompt=128 * k), tasks) for k in powers],
        "tasks n": [(tasks * k, _CC, size, tasks * k) for k in powers],
        "parameters": [(k, _CC, replace(size, layers=2 * k), tasks) for k in powers],
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--width", type=int, default=Size().width)
    parser.add_argument("--lines", nargs="*", help="what to vary; all by default")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    rows = list(_measured(options))
    leave("scaling", rows, _figure(rows), options)


def _measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for name, points in lines(options.tasks, options.steps).items():
        if options.lines and name not in options.lines:
            continue
        seconds = [
            min(_seconds(case, replace(size, width=options.width), tasks) for _ in range(options.rounds))
            for _, case, size, tasks in points
        ]
        values = [value for value, *_ in points]
        yield {"varied": name, "values": values, "seconds": seconds, "slope": slope(values, seconds)}


def slope(values: list[float], seconds: list[float]) -> float:
    """Of the straight line through the logarithms: 1 where twice as much takes twice as long."""
    return float(np.polyfit([math.log(one) for one in values], [math.log(one) for one in seconds], 1)[0])


def _seconds(case: Case, size: Size, tasks: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        save_models(Path(name), size)
        config = recipe(case, size, Path(name), tasks, tasks)
        team = team_of(config)
        train(recipe(case, size, Path(name), 1, 1), team)
        return train(config, team).seconds


def _figure(rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        times = [value / row["values"][0] for value in row["values"]]
        relative = [one / row["seconds"][0] for one in row["seconds"]]
        axes.loglog(times, relative, marker="o", label=f"{row['varied']}: {row['slope']:.2f}")
    axes.set_xlabel("times as much")
    axes.set_ylabel("times as long")
    axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
