"""What the library plays and estimates is, on average, the gradient that enumeration gives.

Every tree is grown by the library's rollouts and probes. The intervals are four standard errors wide on each
side, which one right estimator in some 16,000 leaves.
"""

from __future__ import annotations

import pytest

from collm.algorithms.base import Algorithm
from collm.algorithms.c3 import C3
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.coma import COMA
from collm.algorithms.magrpo import MAGRPO
from collm.algorithms.max_baseline import MaxBaseline
from collm.algorithms.reinforce import Reinforce
from collm.algorithms.remax import ReMax
from collm.algorithms.rloo import RLOO
from tests.algorithms.played import estimates, interval
from tests.algorithms.tabular import Critic, nothing
from tests.algorithms.test_exact import LATE, UNEVEN, right, wrong

UNBIASED = [
    (Reinforce(), nothing),
    (Reinforce(num_generations=2), nothing),
    (RLOO(num_generations=2), nothing),
    (RLOO(num_generations=2, mode="cross"), nothing),
    (ReMax(), nothing),
    (C3(alternatives=1), nothing),
    (CoLLMCC(), right),
    (CoLLMCC(trace_decay=1), wrong),
    (CoLLMDC(trace_decay=1), wrong),
    (COMA(alternatives=1), right),
]


@pytest.mark.parametrize(("algorithm", "critic"), UNBIASED, ids=[one.type for one, _ in UNBIASED])
def test_the_gradient_lies_in_the_interval_of_its_estimates(algorithm: Algorithm, critic: Critic) -> None:
    agent, turn = 1, 0
    low, high = interval(estimates(algorithm, LATE, agent, turn, critic), 4)
    assert low <= LATE.gradient(agent, turn) <= high
    assert high - low < 0.5


def test_a_group_mean_shrinks_the_gradient_when_it_is_sampled_too() -> None:
    low, high = interval(estimates(MAGRPO(num_generations=2), UNEVEN, count=800), 4)
    assert low <= UNEVEN.gradient(0, 0) / 2 <= high


def test_a_bias_shows_in_the_interval() -> None:
    """The gradient itself lies outside that of the largest sample's baseline."""
    low, high = interval(estimates(MaxBaseline(num_generations=2), LATE, 1), 4)
    assert not low <= LATE.gradient(1, 0) <= high
