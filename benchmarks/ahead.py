"""What it buys to draw the next rollouts while an update learns: seconds an update, three ways.

One after the other with one thread of torch, with two, and ahead, where one draws and one learns. It needs
two idle cores.

    python -m benchmarks.ahead --updates 12
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import collm
from benchmarks.outcome import arguments, bars, leave
from collm.runs.run import Run

WAYS = {"one thread": (1, False), "two threads": (2, False), "ahead": (1, True)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--updates", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2, help="of all ways, one after the other")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS), help="the first is 1")
    parser.add_argument("--overrides", nargs="*", default=["algorithm.ratio_cap=2"], help="of all ways")
    options = parser.parse_args()
    leave("ahead", rows := list(_measured(options)), bars(rows, _CLOCKS, "seconds an update"), options)


_CLOCKS = ("seconds", "drawing s", "learning s", "overlap s")


def _measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    rounds = [{way: _clocks(options, way) for way in options.ways} for _ in range(options.rounds)]
    slowest = statistics.median(one[options.ways[0]]["seconds"] for one in rounds)
    for way in options.ways:
        medians = {name: statistics.median(one[way][name] for one in rounds) for name in _CLOCKS}
        yield {"case": way, **medians, "times as fast": slowest / medians["seconds"]}


def _clocks(options: argparse.Namespace, way: str) -> dict[str, float]:
    """Medians over the updates but the first, which waits for rollouts of its own in any way."""
    threads, ahead = WAYS[way]
    overrides = [
        f"training.threads={threads}",
        f"training.collect_ahead={str(ahead).lower()}",
        f"training.max_updates={options.updates}",
        "training.checkpoint_every=1000000",
        "training.evaluate_every=0",
        "evaluation.tasks=1",
        *options.overrides,
    ]
    with tempfile.TemporaryDirectory() as name:
        collm.train(options.recipe, Path(name) / "run", overrides)
        updates = Run(Path(name) / "run").metrics[1:]
    waited = [row.get("wait_seconds", row["rollout_seconds"]) for row in updates]
    columns = {
        "seconds": [wait + row["learn_seconds"] for wait, row in zip(waited, updates, strict=True)],
        "drawing s": [row["rollout_seconds"] for row in updates],
        "learning s": [row["learn_seconds"] for row in updates],
        "overlap s": [row.get("overlap_seconds", 0.0) for row in updates],
    }
    return {name: statistics.median(values) for name, values in columns.items()}


if __name__ == "__main__":
    main()
