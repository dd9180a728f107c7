"""What the page of the claim is made of: budgets, statistics, and the noise of gradients."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.claim.cells import (
    ARMS,
    METHODS,
    SEEDS,
    TUNING_SEEDS,
    Cell,
    claimed,
    config_of,
    others,
    tuning,
)
from benchmarks.claim.gradients import compared
from benchmarks.claim.numbers import curve, median_samples_to, paired, samples_to
from benchmarks.claim.page import page, verdict
from benchmarks.claim.running import chosen_rates


def row(method: str, seed: int, score: float, arm: str = "late", rate: float = 0.01) -> dict[str, Any]:
    """A run whose curve rises from one half to its score in a straight line."""
    spent = {"agent_steps": 1, "critic_steps": 2, "seconds": 3.0}
    shares = {"samples": [0, 100], "shares": [0.5, score], "score": score}
    return {"arm": arm, "method": method, "seed": seed, "rate": rate, **shares, **spent}


@pytest.mark.parametrize(("arm", "method"), product(ARMS, METHODS))
def test_every_method_spends_the_same_joint_samples(arm: str, method: str) -> None:
    one, where = METHODS[method], ARMS[arm]
    spent = one.updates(where) * one.trees(where) * one.tree(where)
    assert 0.98 * where.samples < spent <= where.samples


def test_the_seeds_that_count_are_fresh() -> None:
    assert len(SEEDS) == 10
    assert not {*SEEDS} & {*TUNING_SEEDS, 1, 2, 3}
    assert {cell.seed for cell in tuning()} == {*TUNING_SEEDS}


def test_cells_have_names_of_their_own() -> None:
    rates = {(arm, method): 0.01 for arm in ARMS for method in METHODS}
    names = [cell.name for cell in (*tuning(), *claimed(rates, SEEDS), *others(rates, SEEDS))]
    assert len(names) == len(set(names))


def test_methods_of_a_seed_start_from_the_same_models(tmp_path: Path) -> None:
    cells = [Cell(ARMS["fog"], METHODS[name], 0.03, 11) for name in ("cc", "magrpo")]
    one, other = (config_of(cell, tmp_path) for cell in cells)
    assert one.agents == other.agents
    assert one.env == other.env
    assert one.agents["X"].model != one.agents["Y"].model
    assert (one.critic is None, other.critic is None) == (False, True)


def test_the_best_rate_is_chosen_on_the_tuning_seeds_alone() -> None:
    rows = [row("cc", 101, 0.7), row("cc", 101, 0.8, rate=0.03), row("cc", 11, 1.0)]
    assert chosen_rates(rows) == {("late", "cc"): 0.03}


def test_samples_to_a_level_lie_on_the_line_between_evaluations() -> None:
    assert samples_to(row("cc", 11, 1.0), 0.75) == 50
    assert samples_to(row("cc", 11, 0.7), 0.75) is None
    assert samples_to(row("cc", 11, 0.7), 0.5) == 0
    runs = [row("cc", seed, score) for seed, score in ((11, 1.0), (12, 0.6), (13, 0.6))]
    assert median_samples_to(runs, 0.75) == (None, 1)
    assert median_samples_to(runs[:2] + runs[:1], 0.75) == (50, 2)


def test_differences_are_those_of_the_same_seeds() -> None:
    rows = [row("cc", 11, 0.9), row("cc", 12, 0.8), row("cc", 13, 0.1)]
    rows += [row("magrpo", 12, 0.5), row("magrpo", 11, 0.7), row("magrpo", 101, 1.0)]
    found = paired(rows, "late", "cc", "magrpo")
    assert found is not None
    assert found.difference.mean == pytest.approx(0.25)
    assert (found.ahead, found.seeds, verdict(found)) == (2, 2, "too few seeds")
    assert paired(rows, "late", "cc", "dc") is None


def test_a_verdict_needs_an_interval_without_zero() -> None:
    rows = [row("cc", seed, 0.9 + seed / 1000) for seed in SEEDS]
    rows += [row("magrpo", seed, 0.6) for seed in SEEDS]
    rows += [row("flat", seed, 0.92 + (-1) ** seed / 10) for seed in SEEDS]
    verdicts = [verdict(found) for one in ("magrpo", "flat") if (found := paired(rows, "late", "cc", one))]
    assert verdicts == ["the first is better", "not told apart"]


def test_a_curve_is_the_mean_over_seeds() -> None:
    samples, means = curve([row("cc", 11, 0.9), row("cc", 12, 0.7)])
    assert (samples, [one.mean for one in means]) == ([0, 100], [0.5, pytest.approx(0.8)])


def test_a_page_is_made_of_whatever_rows_there_are() -> None:
    text = page([row("cc", 11, 0.9), row("magrpo", 11, 0.6), row("cc", 101, 0.9)], [])
    assert "| late | CoLLM-CC − MAGRPO | +0.300 [+0.300, +0.300] | 1 of 1 | too few seeds |" in text


def test_noise_and_bias_are_told_apart() -> None:
    """Around a gradient of length 2: one estimator twice as large and noisy, one that points elsewhere."""
    torch.manual_seed(0)
    true = torch.zeros(50, dtype=torch.float64)
    true[0] = 2.0
    noise = torch.randn(3, 4000, 50, dtype=torch.float64) * 0.4
    quiet, loud, bent = true + noise[0] / 2, 2 * true + 2 * noise[1], true + noise[2]
    bent[:, 1] += 1.0
    spread = 0.16 * 50 / 4
    assert compared(quiet, quiet)["noise"] == pytest.approx(spread / 4, rel=0.05)
    assert compared(loud, quiet) == pytest.approx({"noise": spread, "bias": 0.0}, rel=0.05, abs=0.01)
    assert compared(bent, quiet) == pytest.approx({"noise": spread, "bias": 0.25}, rel=0.05, abs=0.01)
