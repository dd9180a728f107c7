"""Whether a team learns as well when more tasks are drawn together, as in the ``_fast`` recipes.

The demo's team, with eight times as many tasks an update and as many optimizer steps of one size in all, over
some seeds: the mean return of the last fifth of the updates, greedy test returns, and seconds.

    python -m benchmarks.fast_recipes --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import collm
from benchmarks.outcome import arguments, bars, leave
from collm.config.recipes import load_recipe

RECIPES = ("demo", "demo_dc", "demo_magrpo")
_FACTOR = 8
_SHARE = 0.2


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="fewer passes over the tasks than the recipe's")
    parser.add_argument("--overrides", nargs="*", default=[], help="of both, such as env.train=[0:8]")
    options = parser.parse_args()
    rows = [
        {"case": f"{recipe}, {way}", **_learned(recipe, together, options)}
        for recipe in options.recipes
        for way, together in _ways(recipe).items()
    ]
    figure = bars(rows, ["return at the end"], "mean return of the last fifth of the samples")
    leave("fast_recipes", rows, figure, options)


def _ways(recipe: str) -> dict[str, int]:
    """Tasks in an update: as many as a demo has, and an eighth of them."""
    fast = max(_FACTOR, load_recipe(recipe).training.tasks_per_update)
    return {"faithful": fast // _FACTOR, "fast": fast}


def _learned(recipe: str, together: int, options: argparse.Namespace) -> dict[str, Any]:
    runs = [_run(recipe, together, seed, options) for seed in options.seeds]
    ends, tests, seconds = zip(*runs, strict=True)
    spread = statistics.stdev(ends) if len(ends) > 1 else 0.0
    return {
        "tasks an update": together,
        "return at the end": statistics.fmean(ends),
        "deviation": spread,
        "greedy test return": statistics.fmean(tests),
        "seconds": statistics.fmean(seconds),
    }


def _run(recipe: str, together: int, seed: int, options: argparse.Namespace) -> tuple[float, float, float]:
    fewer = [] if options.epochs is None else [f"training.epochs={options.epochs}"]
    overrides = [
        f"seed={seed}",
        f"training.tasks_per_update={together}",
        "training.checkpoint_every=1000000",
        "training.evaluate_every=0",
        f"training.threads={options.threads}",
        f"algorithm.minibatch_size={_step_size(recipe)}",
        *fewer,
        *options.overrides,
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        collm.train(recipe, folder, overrides)
        updates = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        evaluations = [json.loads(line) for line in (folder / "evaluations.jsonl").read_text().splitlines()]
    last = updates[-max(1, round(_SHARE * len(updates))) :]
    seconds = sum(row["rollout_seconds"] + row["learn_seconds"] for row in updates)
    end = statistics.fmean(row["return_mean"] for row in last)
    return end, float(evaluations[-1]["greedy_return_mean"]), seconds


def _step_size(recipe: str) -> int:
    """A step of both ways: what the faithful one has in hand after an update, or an eighth of the demo's."""
    size = load_recipe(recipe).algorithm.minibatch_size
    assert size is not None
    return size // _FACTOR


if __name__ == "__main__":
    main()
