"""Whole runs through vLLM."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from collm.errors import CollmError
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe
from tests.training.test_loop import assert_same_run, rows
from tests.vllm.conftest import ENGINE

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def through_vllm(recipe: Recipe, letters: Path) -> Make:
    """A team of two adapters on one base."""

    def make(engine: dict[str, Any] | None = None, **training: Any) -> Any:
        role = {"model": str(letters), "adapter": {"r": 4}, "optimization": {"learning_rate": 1e-2}}
        shared = {**role, "context": 200, "engine": {**ENGINE, **(engine or {})}}
        agents = {"*": shared, "a": {"model": str(letters)}, "b": {"model": str(letters)}}
        settings = {"epochs": 8, "tasks_per_update": 4, "episodes_per_task": 8, **training}
        return recipe(env={"type": "probe_observation"}, agents=agents, critic=role, training=settings)

    return make


def test_a_team_of_adapters_learns_through_vllm(through_vllm: Make, tmp_path: Path) -> None:
    correction = {"correction": {"by": "token", "cap": 2.0}}
    train(through_vllm(correction), tmp_path, Silent())
    seen = rows(tmp_path / "metrics.jsonl")
    returns = [row["return_mean"] for row in seen]
    assert fmean(returns[-3:]) > returns[0] + 0.1
    assert fmean(returns[-3:]) > 0.9
    for row in seen:
        for name in ("a", "b"):
            assert row[f"ratio/{name}"] == pytest.approx(1.0, abs=1e-3)
            assert row[f"sampler_weight/{name}"] == pytest.approx(1.0, abs=1e-4)
            assert row[f"sampler_mismatch/{name}"] < row[f"sampler_mismatch_max/{name}"] < 1e-4
            assert row[f"sampler_probe/{name}"] < 1e-4


def test_a_run_through_vllm_goes_on_bit_for_bit(through_vllm: Make, tmp_path: Path) -> None:
    few = {"epochs": 2, "tasks_per_update": 2, "episodes_per_task": 2}
    train(through_vllm(**few), tmp_path / "whole", Silent())
    train(through_vllm(**few, max_updates=2), tmp_path / "parts", Silent())
    train(through_vllm(**few), tmp_path / "parts", Silent(), resume=True)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")
    versions = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    assert len(versions) == 4


def test_a_model_that_vllm_does_not_serve_is_refused_in_one_line(recipe: Recipe, tmp_path: Path) -> None:
    """Heads of 8 numbers."""
    config = recipe(agents={"*": {"engine": ENGINE, "context": 200}})
    with pytest.raises(CollmError, match=r"^agents\.a\.engine: vLLM (cannot draw|does not start): "):
        train(config, tmp_path / "run", Silent())
    assert not (tmp_path / "run" / "config.yaml").exists()
