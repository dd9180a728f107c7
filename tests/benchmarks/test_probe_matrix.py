from __future__ import annotations

import pytest

from benchmarks.outcome import Row
from benchmarks.probe_matrix import said


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([{"updates": 9, "share": 1.0}, {"updates": 20, "share": 1.0}, {"updates": 11, "share": 1.0}], "11"),
        ([{"updates": None, "share": 0.5}, {"updates": 20, "share": 1.0}], "1 of 2; 0.50"),
        ([{"updates": None, "share": 0.5}, {"updates": None, "share": 0.7}], "0 of 2; 0.60"),
        ([], "-"),
    ],
)
def test_a_cell_says_how_long_seeds_took_or_how_far_they_came(cells: list[Row], words: str) -> None:
    assert said(cells) == words
