"""Estimated seconds of an update over measured ones, for the cases of the other benchmarks.

python -m benchmarks.estimates
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from benchmarks.cases import CASES, Case, Size, clock, recipe, save_models, team_of, train
from benchmarks.outcome import arguments, bars, leave
from collm.report.measuring import measured_rates
from collm.report.timing import of_lengths, seconds


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--width", type=int, default=Size().width)
    parser.add_argument("--layers", type=int, default=Size().layers)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--cases", nargs="*", help="names of cases; all by default")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    rows = list(_rows(options))
    figure = bars(rows, ["drawing", "learning"], "estimated over measured seconds", line=1.0)
    leave("estimates", rows, figure, options)


def _rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    size = Size(width=options.width, layers=options.layers)
    with tempfile.TemporaryDirectory() as name:
        save_models(Path(name), size)
        for case in CASES:
            if not options.cases or case.name in options.cases:
                yield {"case": case.name, **compared(case, size, Path(name), options.tasks)}


def compared(case: Case, size: Size, folder: Path, tasks: int) -> dict[str, float]:
    """Rates are measured right before the second of two updates: what a busy machine gives changes."""
    config = recipe(case, size, folder, tasks, tasks)
    team = team_of(config)
    train(config, team)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    told = size.prompt + (case.turns - 1) * (size.feedback + 2)
    bounded = of_lengths(config, told // case.turns, size.reply)
    roles = seconds(bounded, measured_rates(device, "float32", clock))
    timing = train(config, team)
    drawing = sum(one.drawing for one in roles)
    learning = sum(one.learning + one.stepping for one in roles)
    return {
        "drawing": drawing / timing.sampling,
        "learning": learning / timing.learning,
        "sampling s": timing.sampling,
        "learning s": timing.learning,
    }


if __name__ == "__main__":
    main()
