"""The command: ``python -m benchmarks.claim``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import benchmarks.claim as package
from benchmarks.claim.cells import ARMS, CLAIM, SEEDS, claimed, others, tuning
from benchmarks.claim.gradients import measured
from benchmarks.claim.page import page
from benchmarks.claim.pictures import draw_curves, draw_gradients
from benchmarks.claim.running import chosen_rates, rows_of, run_all
from collm.runs.files import append_json_line, write_text


def main() -> None:
    """Run what is missing, then draw and write."""
    parser = argparse.ArgumentParser(description=(package.__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/claim"), help="models and results")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where page and pictures go")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--estimates", type=int, default=16, help="of each gradient")
    parser.add_argument("--page", action="store_true", help="write the page of what is there, run nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    results, noise = asked.out / "results.jsonl", asked.out / "gradients.jsonl"
    if not asked.page:
        run_all(tuning(), results, asked.out)
        chosen = chosen_rates(rows_of(results))
        run_all(claimed(chosen, asked.seeds), results, asked.out)
        _measure(noise, asked.estimates, asked.out)
        run_all(others(chosen, asked.seeds), results, asked.out)
    draw_curves(rows_of(results), asked.docs / "images" / "claim_curves.png")
    draw_gradients(rows_of(noise), asked.docs / "images" / "claim_gradients.png")
    write_text(asked.docs / "claim.md", page(rows_of(results), rows_of(noise)))


def _measure(noise: Path, estimates: int, work: Path) -> None:
    """The rows of the arms that have none yet."""
    known = {row["arm"] for row in rows_of(noise)}
    for arm in (arm for arm in CLAIM if arm not in known):
        for row in measured(ARMS[arm], estimates, work):
            append_json_line(noise, row)
            print(f"{arm}, {row['title']}: noise {row['noise']:.2f}, bias {row['bias']:+.2f}", flush=True)


if __name__ == "__main__":
    main()
