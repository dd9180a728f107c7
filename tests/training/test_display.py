"""Callbacks hear of a run what is written into its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import collm
from collm.training.display import Callback, Several
from collm.training.run import train
from tests.tiny_runs import Recipe


class Heard(Callback):
    def __init__(self) -> None:
        self.updates: list[float] = []
        self.evaluations: list[int] = []

    def updated(self, metrics: Mapping[str, float]) -> None:
        self.updates.append(metrics["return_mean"])

    def evaluated(self, update: int, measures: Mapping[str, float]) -> None:
        self.evaluations.append(update)


def test_callbacks_hear_of_every_update_and_evaluation(recipe: Recipe, tmp_path: Path) -> None:
    one, other = Heard(), Heard()
    config = recipe(training={"max_updates": 2, "evaluate_every": 1})
    train(config, tmp_path / "run", Several([one, other]))
    run = collm.Run(tmp_path / "run")
    assert one.updates == other.updates == [row["return_mean"] for row in run.metrics]
    assert one.evaluations == [row["update"] for row in run.evaluations] == [0, 1, 2]


def test_what_a_callback_raises_ends_the_run_and_it_can_go_on(recipe: Recipe, tmp_path: Path) -> None:
    class Enough(Callback):
        def updated(self, metrics: Mapping[str, float]) -> None:
            raise LookupError("enough")

    config = recipe(training={"max_updates": 2, "checkpoint_every": 1})
    with pytest.raises(LookupError, match="enough"):
        train(config, tmp_path, Enough())
    heard = Heard()
    train(config, tmp_path, heard, resume=True)
    assert len(heard.updates) == 2
