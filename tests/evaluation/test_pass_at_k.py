from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.evaluation.pass_at_k import pass_at_k


@pytest.mark.parametrize(
    ("samples", "correct", "k", "expected"),
    [
        (10, 0, 1, 0.0),
        (10, 10, 1, 1.0),
        (10, 3, 1, 0.3),
        (4, 2, 2, 1 - 1 / 6),
        (5, 1, 5, 1.0),
        (2, 1, 3, 1.0),
        (2, 0, 3, 0.0),
        (0, 0, 1, 0.0),
    ],
)
def test_known_values(samples: int, correct: int, k: int, expected: float) -> None:
    assert pass_at_k(samples, correct, k) == pytest.approx(expected)


@given(st.integers(1, 8), st.data())
def test_it_is_the_mean_over_all_choices_of_k_samples(samples: int, data: st.DataObject) -> None:
    correct, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    choices = combinations([n < correct for n in range(samples)], k)
    assert pass_at_k(samples, correct, k) == pytest.approx(fmean(any(choice) for choice in choices))


@pytest.mark.parametrize("counts", [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_counts_that_make_no_sense_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="correct <= samples"):
        pass_at_k(*counts)
