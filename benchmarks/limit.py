"""How near collm comes to the floor: bare batched decoding, and bare forward and backward passes.

python -m benchmarks.limit
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from benchmarks.cases import CASES, Case, Size, recipe, save_models, team_of, train, warm_up
from benchmarks.floor import floor_of
from benchmarks.outcome import arguments, bars, leave


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--width", type=int, default=Size().width)
    parser.add_argument("--layers", type=int, default=Size().layers)
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cases", nargs="*", help="names of cases; all by default")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    rows = list(_measured(options))
    figure = bars(rows, ["share", "share of decoding", "share of passes"], "floor over seconds", line=1.0)
    leave("limit", rows, figure, options)


def _measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    size = Size(width=options.width, layers=options.layers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_models(folder, size)
        for case in CASES:
            if options.cases and case.name not in options.cases:
                continue
            rounds = [_share(case, size, folder, options.tasks) for _ in range(options.rounds)]
            medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
            yield {"case": case.name, **medians}


def _share(case: Case, size: Size, folder: Path, tasks: int) -> dict[str, float]:
    config = recipe(case, size, folder, tasks, tasks)
    team = team_of(config)
    warm_up(case, size, folder, team, tasks)
    timing = train(config, team)
    floor = floor_of(case, team, timing.trees, tasks)
    return {
        "share": (floor.decoding + floor.passes) / timing.seconds,
        "share of decoding": floor.decoding / timing.sampling,
        "share of passes": floor.passes / timing.learning,
        "sampling s": timing.sampling,
        "learning s": timing.learning,
    }


if __name__ == "__main__":
    main()
