"""Runs with a bonus: without weights nothing changes, and a stop in between changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.errors import CollmError
from collm.runs.files import MANIFEST
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe

MEASURES = {"bonus", "information_low", "information_high"}
TIMING = {"seconds", "rollout_seconds", "learn_seconds", "tokens_per_second", "peak_memory_gib"}
SOON = {"least_memory": 2, "alpha": 1.0, "beta": 0.5}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def played(recipe: Recipe, out: Path, bonus: Mapping[str, Any] | None, **training: Any) -> Path:
    settings = {"episodes_per_task": 2, **training}
    sections = {} if bonus is None else {"bonus": bonus}
    train(recipe(training=settings, **sections), out, Silent(), resume=out.exists())
    return out


def metrics(out: Path, without: set[str] = TIMING) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in without} for row in rows]


def weights(out: Path) -> dict[str, str]:
    """The checksums of what was learned."""
    *_, last = sorted((out / "checkpoints").glob("update-*"))
    found = json.loads((last / MANIFEST).read_text())
    return {name: value for name, value in found.items() if name not in ("counters.json", "config.yaml")}


def test_without_weights_the_run_is_the_one_without_a_bonus(recipe: Recipe, tmp_path: Path) -> None:
    plain = played(recipe, tmp_path / "plain", None)
    zero = played(recipe, tmp_path / "zero", {**SOON, "alpha": 0, "beta": 0})
    assert metrics(zero, TIMING | MEASURES) == metrics(plain)
    learned = weights(zero)
    assert learned.pop("optimizers/bonus.pt")
    assert learned == weights(plain)
    paid = played(recipe, tmp_path / "paid", SOON)
    assert metrics(paid)[-1]["bonus"] != 0
    assert weights(paid)["agents/a/model.safetensors"] != learned["agents/a/model.safetensors"]


def test_a_run_goes_on_from_where_it_stopped_as_if_it_had_not(recipe: Recipe, tmp_path: Path) -> None:
    whole = played(recipe, tmp_path / "whole", SOON)
    played(recipe, tmp_path / "parts", SOON, max_updates=2)
    parts = played(recipe, tmp_path / "parts", SOON)
    assert metrics(parts) == metrics(whole)
    assert weights(parts) == weights(whole)


def test_a_bad_key_is_named(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match=r"bonus\.alhpa: unknown key.*alpha"):
        recipe(bonus={"alhpa": 1})
