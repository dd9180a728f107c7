"""Trains the cells that have no row yet, and keeps a row of each."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.claim.cells import RATES, TUNING_SEEDS, Cell, config_of
from collm.base.quiet import quiet_libraries
from collm.runs.files import append_json_line, read_json_lines
from collm.training.display import Silent
from collm.training.run import train

Row = Mapping[str, Any]
_LAST = 2
"""Evaluations at the end of a run whose mean is what it is judged by."""


def run_all(cells: Iterable[Cell], results: Path, work: Path) -> None:
    """Train what is missing, a row for each as it ends.

    Args:
        results: JSON lines.
        work: for models and run folders; a run's folder is dropped once its row is written.
    """
    known = {row["name"] for row in rows_of(results)}
    quiet_libraries()
    for cell in cells:
        if cell.name not in known:
            row = trained(cell, work)
            append_json_line(results, row)
            print(f"{cell.name}: {row['score']:.3f} in {row['seconds']:.0f} s", flush=True)


def rows_of(results: Path) -> list[Row]:
    return list(read_json_lines(results)) if results.is_file() else []


def trained(cell: Cell, work: Path) -> dict[str, Any]:
    """The row of a run.

    ``samples`` and ``shares`` are its curve: joint samples spent, and the mean return of the test tasks as
    a share of the best. ``score`` is the mean of the last shares.
    """
    out = work / "runs" / cell.name
    shutil.rmtree(out, ignore_errors=True)
    config = config_of(cell, work / "models")
    began = time.process_time()
    if train(config, out, Silent()).interrupted:
        raise KeyboardInterrupt
    seconds = time.process_time() - began
    updates = read_json_lines(out / "metrics.jsonl")
    evaluations = read_json_lines(out / "evaluations.jsonl")
    spent = {0: 0, **{row["update"]: row["env_steps"] for row in updates}}
    shares = [row["return_mean"] / cell.arm.turns for row in evaluations]
    shutil.rmtree(out)
    passes = 1 + config.algorithm.critic_passes()
    warmup = cell.arm.warmup if cell.method.has_critics else 0
    return {
        "name": cell.name,
        "arm": cell.arm.name,
        "method": cell.method.name,
        "rate": cell.rate,
        "seed": cell.seed,
        "samples": [spent[row["update"]] for row in evaluations],
        "shares": shares,
        "score": fmean(shares[-_LAST:]),
        "agent_steps": len(updates) - warmup,
        "critic_steps": len(updates) * passes if cell.method.has_critics else 0,
        "seconds": seconds,
    }


def chosen_rates(rows: Iterable[Row]) -> dict[tuple[str, str], float]:
    """By arm and method, the rate with the best mean score on the tuning seeds."""
    scores: dict[tuple[str, str, float], list[float]] = {}
    for row in rows:
        if row["seed"] in TUNING_SEEDS:
            scores.setdefault((row["arm"], row["method"], row["rate"]), []).append(row["score"])
    return {
        (arm, method): max(RATES, key=lambda rate: fmean(scores.get((arm, method, rate), [0.0])))
        for arm, method in {(arm, method) for arm, method, _ in scores}
    }
