from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cases import CASES, Case, Size, recipe, save_models, team_of, train
from benchmarks.floor import floor_of
from benchmarks.scaling import slope

SMALL = Size(width=16, layers=1, prompt=20, feedback=8, reply=4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_trains_and_has_a_floor(case: Case, tmp_path: Path) -> None:
    save_models(tmp_path, SMALL)
    config = recipe(case, SMALL, tmp_path, 2, 2)
    team = team_of(config)
    timing = train(config, team)
    assert timing.samples == 2 * case.samples
    floor = floor_of(case, team, timing.trees, 2)
    assert min(floor.decoding, floor.passes) > 0


def test_what_takes_twice_as_long_at_twice_the_size_has_slope_one() -> None:
    assert slope([1, 2, 4], [3.0, 6.0, 12.0]) == pytest.approx(1.0)
