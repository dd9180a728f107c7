from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import WAYS, make_recipe, measured


def told(method: str, way: str, folder: Path) -> dict[str, Any]:
    sizes = {"tiny": True, "prompt": 40, "feedback": 16}
    return {"method": method, "way": way, "folder": str(folder), **sizes}


@pytest.mark.parametrize("method", ["magrpo", "collm_cc"])
def test_the_benchmark_of_a_gpu_runs_at_tiny_size_on_a_cpu(method: str, tmp_path: Path) -> None:
    row = measured(told(method, "full weights", tmp_path))
    for name in ("s/update", "tokens/s sampled", "GiB estimated", "hours"):
        value = row[name]
        assert value is not None
        assert value > 0, name


@pytest.mark.parametrize("way", ["full weights", "adapters"])
def test_the_benchmark_of_a_gpu_runs_the_fast_recipe_of_the_paper(way: str, tmp_path: Path) -> None:
    told = {
        "method": "magrpo",
        "way": way,
        "folder": str(tmp_path),
        "tiny": True,
        "prompt": 40,
        "feedback": 16,
    }
    config = make_recipe(told)
    assert (config.algorithm.num_generations, config.algorithm.minibatch_size) == (4, 16)
    for agent in config.agents.values():
        assert agent.gradient_checkpointing
        assert (agent.adapter is not None) == ("adapter" in WAYS[way][0])
        assert agent.optimization.learning_rate == 2e-5
