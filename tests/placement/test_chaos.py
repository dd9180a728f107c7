"""Kills workers, nodes and the driver at random moments, and compares with a run that nobody disturbed."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import pytest

from collm.training.display import Silent
from collm.training.run import train
from tests.placement.chaos import SECTIONS, chaos
from tests.placement.runs import assert_same_results, of_one_policy
from tests.tiny_runs import Recipe

pytestmark = pytest.mark.ray


def test_a_run_survives_twenty_kills_at_random_moments_bit_for_bit(
    recipe: Recipe, cluster: Any, tmp_path: Path
) -> None:
    train(of_one_policy(recipe, **SECTIONS), tmp_path / "calm", Silent())
    kills, driver = chaos(recipe, cluster, tmp_path, seed=2026)
    assert_same_results(tmp_path / "chaos", tmp_path / "calm")
    replaced = driver.said.count("Going on from")
    cost = median(kill.cost for kill in kills)
    print(
        f"{len(kills)} kills, {replaced} times workers were replaced, {driver.updates} updates: identical; "
        f"a kill cost {cost:.1f} s (median), {max(kill.cost for kill in kills):.1f} s at most"
    )
    assert len(kills) == 20
    assert {kill.kind for kill in kills} == {"worker", "node", "driver"}
