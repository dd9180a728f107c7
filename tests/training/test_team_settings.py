"""Runs whose team has a mixer, a shared policy or a frozen agent go on as if they had not stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collm.config.tree import RunConfig
from collm.evaluation.merging import export_team
from collm.evaluation.saved import open_team
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe
from tests.training.test_loop import assert_same_run, checksums, rows

PACE = {"max_updates": 3, "checkpoint_every": 1}


def made(recipe: Recipe, name: str, **training: Any) -> RunConfig:
    model = recipe().agents["a"].model
    sections: Mapping[str, Mapping[str, Any]] = {
        "mixer": {"algorithm": {"type": "qmix", "critic_epochs": 1, "value_clip": 0.2}},
        "shared": {"agents": {"b": {"shares": "a", "model": model}}},
        "frozen": {"agents": {"b": {"frozen": True}}},
    }
    return recipe(**sections[name], training={**PACE, **training})


@pytest.mark.parametrize("name", ["mixer", "shared", "frozen"])
def test_a_stopped_run_goes_on_bit_for_bit(recipe: Recipe, name: str, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(made(recipe, name), whole, Silent())
    train(made(recipe, name, max_updates=1), stopped, Silent())
    train(made(recipe, name), stopped, Silent(), resume=True)
    assert_same_run(stopped, whole)
    _check(name, whole, tmp_path)


def _check(name: str, run: Path, free: Path) -> None:
    files, last = checksums(run), rows(run / "metrics.jsonl")[-1]
    config, policies, _ = open_team(str(run), [])
    assert list(policies) == ["a", "b"]
    if name == "mixer":
        assert {"mixers/team.mixer/mixer.safetensors", "optimizers/mixer-team.mixer.pt"} <= files.keys()
        assert last["critic_grad_norm/team.mixer"] > 0
    else:
        assert "optimizers/agent-a.pt" in files
        assert "optimizers/agent-b.pt" not in files
        assert "policy_loss/b" not in last
        assert ("agents/b/model.safetensors" in files) == (name == "frozen")
        assert [path.name for path in export_team(str(run), free / "models")] == ["a", "b"]
    if name == "shared":
        assert policies["a"] is policies["b"]
        assert config.agents["b"].shares == "a"
