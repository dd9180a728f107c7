"""Teams learn when to stop: as dynamic programming says, and at once where going on is dear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.config.tree import RunConfig, make_config
from collm.envs.digging import PERSISTENCE
from collm.runs.run import Run
from collm.training.display import Silent
from collm.training.run import train
from tests.checkpoints import save_letters

COST, TURNS = 0.5, 3


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def best(t: int, rich: int) -> tuple[float, bool]:
    """What is still to come from a turn on, that turn included, and whether to go on after it."""
    if t + 1 == TURNS:
        return rich - COST, False
    onward = PERSISTENCE * best(t + 1, rich)[0] + (1 - PERSISTENCE) * best(t + 1, 1 - rich)[0]
    return rich - COST + max(0.0, onward), onward > 0


OPTIMUM = (best(0, 0)[0] + best(0, 1)[0]) / 2


def config(folder: Path, size: int, **stopping: Any) -> RunConfig:
    names = "abc"[:size]
    env = {"type": "digging", "size": size, "num_turns": TURNS}
    return make_config(
        {
            "seed": 1,
            "env": {"type": "stopping", "env": env, "marker": "?", "invitation": "", **stopping},
            "algorithm": {"type": "rloo", "num_generations": 4},
            "agents": {
                "*": {
                    "device": "cpu",
                    "sampling": {"max_tokens": 1},
                    "optimization": {"learning_rate": 1e-2},
                },
                **{name: {"model": str(save_letters(folder / name, "01?!", ord(name)))} for name in names},
            },
            "training": {"epochs": 40, "tasks_per_update": 2, "episodes_per_task": 2, "threads": 1},
            "evaluation": {"samples": 64},
        },
        "recipe",
    )


def test_the_best_is_to_stop_on_poor_ground_and_to_go_on_otherwise() -> None:
    assert [best(t, rich)[1] for t in range(TURNS - 1) for rich in (0, 1)] == [False, True] * 2
    assert pytest.approx(0.21875) == OPTIMUM


def test_one_agent_learns_optimal_stopping(tmp_path: Path) -> None:
    summary = train(config(tmp_path, 1, turn_cost=COST), tmp_path / "run", Silent()).summary
    run = Run(tmp_path / "run")
    decided = {
        (row["turn"], int(row["observations"]["a"])): not row["terminated"]
        for row in run.episodes["evaluation-after-greedy"]
        if row["turn"] < TURNS - 1
    }
    assert decided == {place: best(*place)[1] for place in decided}
    assert {rich for _, rich in decided} == {0, 1}
    assert summary["before"]["return_mean"] < OPTIMUM - 0.1
    assert summary["after"]["return_mean"] == pytest.approx(OPTIMUM, abs=0.08)


@pytest.mark.parametrize("rule", ["any", "all", "majority"])
def test_where_going_on_is_dear_a_team_stops_at_once(tmp_path: Path, rule: str) -> None:
    dear = config(tmp_path, 3, turn_cost=100.0, rule=rule)
    summary = train(dear, tmp_path / "run", Silent()).summary
    assert summary["before"]["turns_mean"] > 1.3
    assert summary["after"]["turns_mean"] < 1.05
    assert summary["after"]["final_stopped"] > 0.95
