"""Measures the bias of every estimator on one small game, by listing all trees and by playing some.

    python -m benchmarks.biases

Prints the Markdown table of docs/methods.md. The game, two turns of two agents' bits, is ``LATE`` of
``tests/algorithms/test_exact.py``; the gradient is the second agent's at the first turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from collm.algorithms.base import Algorithm
from collm.algorithms.c3 import C3
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.coma import COMA
from collm.algorithms.magrpo import MAGRPO
from collm.algorithms.max_baseline import MaxBaseline
from collm.algorithms.reinforce import Reinforce
from collm.algorithms.reinforce_pp import ReinforcePP
from collm.algorithms.remax import ReMax
from collm.algorithms.rloo import RLOO
from tests.algorithms.played import estimates, interval
from tests.algorithms.tabular import Critic, moments, nothing
from tests.algorithms.test_exact import LATE, right, wrong

LISTED = 2
"""Samples at each history with which all trees of the game can still be listed in seconds: 4096 of them."""

PLAYED = 600
AGENT, TURN = 1, 0

Case = tuple[str, Algorithm, Critic]
CASES: Sequence[Case] = (
    ("`reinforce`, K = 1", Reinforce(), nothing),
    ("`reinforce`, K = 2", Reinforce(num_generations=2), nothing),
    ("`rloo`, K = 2", RLOO(num_generations=2), nothing),
    ("`magrpo`, K = 2", MAGRPO(num_generations=2), nothing),
    ("`magrpo`, K = 4", MAGRPO(num_generations=4), nothing),
    ("`magrpo`, K = 2, `scale_by_std`", MAGRPO(num_generations=2, scale_by_std=True), nothing),
    ("`max_baseline`, K = 2", MaxBaseline(num_generations=2), nothing),
    ("`reinforce_pp`, not standardized", ReinforcePP(), nothing),
    ("`remax`", ReMax(), nothing),
    ("`c3`, one alternative", C3(alternatives=1), nothing),
    ("`collm_cc`, the critic right", CoLLMCC(), right),
    ("`collm_cc`, wrong, λ = 0", CoLLMCC(), wrong),
    ("`collm_cc`, wrong, λ = 0.9", CoLLMCC(trace_decay=0.9), wrong),
    ("`collm_cc`, wrong, λ = 1", CoLLMCC(trace_decay=1), wrong),
    ("`collm_dc`, wrong, λ = 0", CoLLMDC(), wrong),
    ("`collm_dc`, wrong, λ = 0.9", CoLLMDC(trace_decay=0.9), wrong),
    ("`coma`, the critic right", COMA(alternatives=1), right),
)


def row(name: str, algorithm: Algorithm, critic: Critic) -> str:
    """How far the mean over all trees is off, its deviation, and the mean over trees that were played."""
    true, exact, deviation = LATE.gradient(AGENT, TURN), "–", "–"
    if algorithm.branching.num_samples <= LISTED:
        mean, variance = moments(algorithm, LATE, AGENT, TURN, critic)
        exact, deviation = f"{mean - true:+.4f}", f"{variance**0.5:.2f}"
    found = estimates(algorithm, LATE, AGENT, TURN, critic, PLAYED)
    low, high = interval(found, 1.96)
    return f"| {name} | {exact} | {deviation} | {fmean(found):+.3f} [{low:+.3f}, {high:+.3f}] |"


def main() -> None:
    """Print the table."""
    print(f"The gradient is {LATE.gradient(AGENT, TURN):+.4f}.\n")
    print("| | bias, all trees | deviation | mean of trees that were played, 95 % |\n|---|---|---|---|")
    for name, algorithm, critic in CASES:
        print(row(name, algorithm, critic), flush=True)


if __name__ == "__main__":
    main()
