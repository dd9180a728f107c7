"""Teams learn from rollouts that are one version old, whatever bounds the ratios."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from collm.envs.probes import CreditProbe
from collm.runs.run import Run
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe
from tests.training.test_ahead import _threads, ahead

__all__ = ["_threads"]  # a fixture

WINDOW = 5


@pytest.mark.parametrize(
    "algorithm",
    [{"type": "mappo", "ratio_cap": None}, {"type": "collm_cc"}, {"type": "reinforce", "num_generations": 2}],
    ids=lambda keys: keys["type"],
)
def test_a_probe_is_learned_one_version_behind(
    recipe: Recipe, tmp_path: Path, algorithm: dict[str, Any]
) -> None:
    config = ahead(
        recipe,
        algorithm=algorithm,
        critic=None if algorithm["type"] == "reinforce" else {},
        agents={"*": {"sampling": {"max_tokens": 1}}},
        training={"epochs": 50, "tasks_per_update": 4, "episodes_per_task": 8, "checkpoint_every": 50},
        evaluation={"tasks": 4, "samples": 16},
    )
    optimum = CreditProbe.optimum
    train(config, tmp_path, Silent())
    rows = Run(tmp_path).metrics
    returns = [row["return_mean"] for row in rows]
    assert returns[0] < 0.7 * optimum
    assert fmean(returns[-WINDOW:]) >= 0.95 * optimum
    assert {row["staleness"] for row in rows[1:]} == {1}
    assert any(row["ratio/a"] != 1 for row in rows)
