from __future__ import annotations

from pathlib import Path

from benchmarks.cases import CASES, Size, save_models
from benchmarks.estimates import compared

SMALL = Size(width=16, layers=1, prompt=20, feedback=8, reply=4)


def test_estimated_seconds_are_held_against_measured_ones(tmp_path: Path) -> None:
    save_models(tmp_path, SMALL)
    row = compared(CASES[0], SMALL, tmp_path, 1)
    assert min(row.values()) > 0
