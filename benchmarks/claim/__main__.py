"""The command: ``python -m benchmarks.claim``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import benchmarks.claim as package
from benchmarks.claim.cells import SEEDS, tested, tuning
from benchmarks.claim.running import chosen_rates, rows_of, run_all


def main() -> None:
    parser = argparse.ArgumentParser(description=(package.__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/claim"), help="models and results")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    results = asked.out / "results.jsonl"
    asked.out.mkdir(parents=True, exist_ok=True)
    run_all(tuning(), results, asked.out)
    run_all(tested(chosen_rates(rows_of(results)), asked.seeds), results, asked.out)


if __name__ == "__main__":
    main()
