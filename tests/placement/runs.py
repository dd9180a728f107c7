"""Whether two runs came to the same, wherever they played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from collm.config.tree import RunConfig, make_config, plain
from tests.tiny_runs import Recipe
from tests.training.test_loop import checkpoints, checksums, episodes, rows


def of_one_policy(recipe: Recipe, **sections: Any) -> RunConfig:
    """Two agents of one policy: few workers, which are soon there."""
    values = plain(recipe(**sections))
    values["agents"]["b"] = {"shares": "a"}
    return make_config(values, "recipe")


def assert_same_results(found: Path, expected: Path) -> None:
    """Every logged number, every episode and every byte of the last checkpoint but its recipe."""
    assert rows(found / "metrics.jsonl") == rows(expected / "metrics.jsonl")
    assert rows(found / "evaluations.jsonl") == rows(expected / "evaluations.jsonl")
    assert episodes(found) == episodes(expected)
    assert _models(found) == _models(expected)


def assert_close_results(found: Path, expected: Path) -> None:
    """The same episodes; numbers and weights that differ by sums of floats in another order alone."""
    assert_close(episodes(found), episodes(expected))
    assert_close(rows(found / "metrics.jsonl"), rows(expected / "metrics.jsonl"))
    names = {name for name in _models(expected) if name.endswith(".safetensors")}
    assert _models(found).keys() == _models(expected).keys() > names
    for name in names:
        one, two = (load_file(out / "checkpoints" / checkpoints(out)[-1] / name) for out in (found, expected))
        assert one.keys() == two.keys()
        for key, value in two.items():
            torch.testing.assert_close(one[key], value, rtol=1e-3, atol=1e-4)


def assert_close(found: Any, expected: Any) -> None:
    """The same but for the last digits of numbers."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_close(found[key], value)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    else:
        assert found == expected


def _models(out: Path) -> dict[str, str]:
    return {name: value for name, value in checksums(out).items() if name != "config.yaml"}
