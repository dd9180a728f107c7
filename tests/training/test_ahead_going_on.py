"""Runs that collect ahead go on as if they had not stopped, and fail as other runs do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from collm.agents.policy import Request, TokenPolicy
from collm.envs.probes import CreditProbe
from collm.errors import CollmError
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe
from tests.training.test_ahead import FILE, UPDATES, _threads, ahead, assert_same, made, uninterrupted
from tests.training.test_loop import Interrupting, breaking, checkpoints, lines, processes, rows, wait_for

__all__ = ["_threads", "processes", "uninterrupted"]  # fixtures


def test_a_checkpoint_keeps_what_was_drawn_and_not_learned_from(uninterrupted: Path) -> None:
    first, last = sorted((uninterrupted / "checkpoints").glob("update-*"))
    assert (first / FILE).is_file()
    assert not (last / FILE).exists()


@pytest.mark.parametrize("updates", [1, 3, 5])
def test_a_run_that_is_made_longer_is_the_longer_run(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path, updates: int
) -> None:
    train(ahead(recipe, training={"max_updates": updates}), tmp_path, Silent())
    train(ahead(recipe), tmp_path, Silent(), resume=True)
    assert_same(tmp_path, uninterrupted)


@pytest.mark.parametrize("after", [1, 4])
def test_ctrl_c_saves_and_the_run_goes_on_as_if_nothing_had_happened(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path, after: int
) -> None:
    assert train(ahead(recipe), tmp_path, Interrupting(after)).interrupted
    assert not train(ahead(recipe), tmp_path, Silent(), resume=True).interrupted
    assert_same(tmp_path, uninterrupted)


def test_ctrl_c_twice_leaves_and_the_run_goes_on_as_if_nothing_had_happened(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(ahead(recipe), tmp_path, Interrupting(after=3, times=2))
    assert checkpoints(tmp_path) == ["update-000002"]
    train(ahead(recipe), tmp_path, Silent(), resume=True)
    assert_same(tmp_path, uninterrupted)


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path, processes: ForkServerContext
) -> None:
    run = tmp_path / "run"
    moments: list[Callable[[], bool]] = [
        lambda: lines(run / "metrics.jsonl") >= 3,
        lambda: (run / "checkpoints" / "update-000004").is_dir(),
    ]
    for moment in moments:
        process = processes.Process(target=train, args=(ahead(recipe), run, Silent(print), True))
        process.start()
        wait_for(moment, process)
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.join()
    train(ahead(recipe), run, Silent(), resume=True)
    assert_same(run, uninterrupted)


@pytest.mark.parametrize("name", ["one base", "shared", "frozen", "a trunk", "probes"])
def test_a_stopped_team_goes_on_bit_for_bit(recipe: Recipe, name: str, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(made(recipe, name), whole, Silent())
    train(made(recipe, name, max_updates=2), parts, Silent())
    (parts / "config.yaml").write_text((whole / "config.yaml").read_text())
    train(made(recipe, name), parts, Silent(), resume=True)
    assert_same(parts, whole)


def test_counters_count_a_rollout_once_when_it_is_learned_from(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    train(recipe(), tmp_path, Silent())
    plainly, early = rows(tmp_path / "metrics.jsonl"), rows(uninterrupted / "metrics.jsonl")
    for name in ("update", "env_steps", "episodes", "inference_calls"):
        assert [row[name] for row in early] == [row[name] for row in plainly]
    tokens = [0, *(row["tokens"] for row in early)]
    for update in range(UPDATES):
        drawn = rows(uninterrupted / "episodes" / f"update-{update + 1:06d}.jsonl")
        assert tokens[update + 1] - tokens[update] == sum(sum(row["tokens"].values()) for row in drawn)


# Failures


def test_a_failure_beside_the_learning_is_told_after_it(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ahead(recipe, training={"shuffle": False, "checkpoint_every": 1})
    breaking(monkeypatch, config, {"10", "11"})
    with pytest.raises(CollmError, match="every rollout of update 2 failed: the sandbox died"):
        train(config, tmp_path, Silent())
    assert [row["update"] for row in rows(tmp_path / "metrics.jsonl")] == [1]
    monkeypatch.undo()
    train(config, tmp_path / "sound", Silent())
    train(config, tmp_path, Silent(), resume=True)
    assert_same(tmp_path, tmp_path / "sound")


def test_failed_rollouts_are_told_when_their_update_learns(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ahead(recipe, training={"shuffle": False, "epochs": 1}, evaluation={"tasks": 1})
    breaking(monkeypatch, config, {"10"})
    notes: list[str] = []
    train(config, tmp_path, Silent(notes.append))
    assert "1 of 2 rollouts failed: the sandbox died." in notes
    assert [row["failures"] for row in rows(tmp_path / "metrics.jsonl")] == [0, 1]


def test_what_learning_raises_is_told_and_no_more_is_drawn(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = TokenPolicy.submit
    events: list[threading.Event] = []
    turns: list[int] = []

    def event() -> threading.Event:
        events.append(threading.Event())
        return events[-1]

    def waiting(self: Any, requests: Sequence[Request], greedy: bool = False, keep: bool = False) -> Any:
        if threading.current_thread() is not threading.main_thread():
            turns.append(len(requests[0].history.actions))
            events[-1].wait(60)
        return submit(self, requests, greedy, keep)

    def diverging(metrics: Mapping[str, float], update: int) -> None:
        raise CollmError("agents.a", "it diverged.", "start anew.")

    monkeypatch.setattr("collm.training.ahead.Event", event)
    monkeypatch.setattr(TokenPolicy, "submit", waiting)
    monkeypatch.setattr("collm.training.loop.check_metrics", diverging)
    with pytest.raises(CollmError, match="it diverged"):
        train(ahead(recipe), tmp_path, Silent())
    assert turns in ([], [0])


def test_a_checkpoint_without_its_rollouts_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    algorithm = {"ratio_cap": 2.0}
    train(recipe(algorithm=algorithm, training={"max_updates": 2}), tmp_path, Silent())
    file = tmp_path / "config.yaml"
    file.write_text(file.read_text().replace("collect_ahead: false", "collect_ahead: true"))
    with pytest.raises(CollmError, match="there are no rollouts of the next update"):
        train(ahead(recipe), tmp_path, Silent(), resume=True)


def test_rollouts_of_tasks_that_are_there_no_more_are_refused(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(ahead(recipe, training={"epochs": 12, "max_updates": 2}), tmp_path, Silent())
    tasks = CreditProbe().tasks("train")[:1]
    monkeypatch.setattr(CreditProbe, "tasks", lambda env, split: tasks)
    with pytest.raises(CollmError, match=r"ahead\.jsonl: it holds rollouts of .* the next update does not"):
        train(ahead(recipe, training={"epochs": 12}), tmp_path, Silent(), resume=True)
