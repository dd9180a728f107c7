from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from collm.config.tree import RunConfig, make_config, plain
from collm.errors import CollmError, InfrastructureError
from collm.evaluation.saved import open_team
from collm.runs.files import MANIFEST
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe

TIMING = {"seconds", "rollout_seconds", "learn_seconds", "tokens_per_second", "peak_memory_gib"}
"""Keys that no two runs share."""

UPDATES = 6


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def rows(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMING} for row in found]


def checkpoints(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "checkpoints").glob("update-*"))


def checksums(out: Path) -> dict[str, str]:
    """Of every file of the last checkpoint but the counters, which hold a time."""
    found: dict[str, str] = json.loads((out / "checkpoints" / checkpoints(out)[-1] / MANIFEST).read_text())
    return {name: value for name, value in found.items() if name != "counters.json"}


def episodes(out: Path) -> dict[str, list[dict[str, Any]]]:
    return {file.name: rows(file) for file in (out / "episodes").iterdir()}


def assert_same_run(found: Path, expected: Path) -> None:
    assert rows(found / "metrics.jsonl") == rows(expected / "metrics.jsonl")
    assert rows(found / "evaluations.jsonl") == rows(expected / "evaluations.jsonl")
    assert checksums(found) == checksums(expected)
    assert episodes(found) == episodes(expected)
    summaries = [json.loads((out / "summary.json").read_text()) for out in (found, expected)]
    assert {**summaries[0], "seconds": 0} == {**summaries[1], "seconds": 0}


@pytest.fixture(scope="module")
def uninterrupted(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    train(recipe(), out, Silent())
    return out


# What a run leaves


def test_a_run_leaves_metrics_evaluations_episodes_and_a_team(uninterrupted: Path) -> None:
    metrics = rows(uninterrupted / "metrics.jsonl")
    assert [row["update"] for row in metrics] == list(range(1, UPDATES + 1))
    assert [row["env_steps"] for row in metrics] == [4 * update for update in range(1, UPDATES + 1)]
    assert [row["inference_calls"] for row in metrics] == [8 * update for update in range(1, UPDATES + 1)]
    assert all(row["optimizer_steps"] == 1 and row["failures"] == 0 for row in metrics)
    assert metrics[0]["ratio/a"] == pytest.approx(1.0, abs=1e-4)
    evaluations = rows(uninterrupted / "evaluations.jsonl")
    assert [(row["update"], row["name"]) for row in evaluations] == [(0, "before"), (UPDATES, "after")]
    assert checkpoints(uninterrupted) == ["update-000004", "update-000006"]
    summary = json.loads((uninterrupted / "summary.json").read_text())
    assert summary["finished"]
    assert summary["before"].items() <= evaluations[0].items()
    assert summary["after"].items() <= evaluations[1].items()


def test_episodes_hold_what_was_learned_from_them(uninterrupted: Path) -> None:
    kept = episodes(uninterrupted)
    assert len(kept) == UPDATES + 4
    turns = kept["update-000001.jsonl"]
    assert [(row["tree"], row["turn"]) for row in turns] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for row in turns:
        assert row["advantages"]["a"] == row["advantages"]["b"]
        assert row["targets"]["central"] - row["values"]["central"] == pytest.approx(row["advantages"]["a"])


def test_agents_have_changed_and_open_as_ordinary_models(uninterrupted: Path, recipe: Recipe) -> None:
    folder = uninterrupted / "checkpoints" / "update-000006" / "agents"
    for name, agent in recipe().agents.items():
        trained = AutoModelForCausalLM.from_pretrained(folder / name).state_dict()
        start = AutoModelForCausalLM.from_pretrained(agent.model).state_dict()
        assert any(not torch.equal(value, start[key]) for key, value in trained.items())


def test_the_same_recipe_gives_the_same_run(uninterrupted: Path, recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(), tmp_path, Silent())
    assert_same_run(tmp_path, uninterrupted)


def test_another_seed_gives_another_run(uninterrupted: Path, recipe: Recipe, tmp_path: Path) -> None:
    train(recipe().model_copy(update={"seed": 4}), tmp_path, Silent())
    assert (
        checksums(tmp_path)["agents/a/model.safetensors"]
        != checksums(uninterrupted)["agents/a/model.safetensors"]
    )


def test_evaluations_come_when_they_are_due(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(
        algorithm={"type": "magrpo", "num_generations": 2}, critic=None, training={"evaluate_every": 4}
    )
    train(config, tmp_path, Silent())
    evaluations = rows(tmp_path / "evaluations.jsonl")
    assert [row["name"] for row in evaluations] == ["before", "update-000004", "after"]


def test_the_learning_rate_follows_all_planned_updates(recipe: Recipe, tmp_path: Path) -> None:
    optimization = {"learning_rate": 0.06, "schedule": "linear"}
    config = recipe(agents={"*": {"optimization": optimization}}, training={"max_updates": 3})
    train(config, tmp_path, Silent())
    rates = [row["learning_rate/a"] for row in rows(tmp_path / "metrics.jsonl")]
    assert rates == pytest.approx([0.06, 0.05, 0.04])


def test_a_saved_team_evaluates_as_it_did_in_the_run(uninterrupted: Path) -> None:
    from collm.evaluation.evaluate import evaluate

    config, agents, name = open_team(str(uninterrupted), [])
    assert name.endswith("update-000006")
    found = evaluate(config.env, agents, config.evaluation, config.seed)
    after = rows(uninterrupted / "evaluations.jsonl")[-1]
    assert {**found.measures, "update": UPDATES, "name": "after"} == after


# Resuming


Start = Callable[[RunConfig, Path], Any]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes of a clean server that has loaded the library once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytest", "collm.training.run", "collm.envs.probes", "transformers.models.qwen3.modeling_qwen3"]
    )
    return context


def wait_for(ready: Callable[[], bool], process: Any, limit: float = 60.0) -> None:
    """Wait until something happened or the process is over."""
    deadline = time.monotonic() + limit
    while not ready() and process.is_alive():
        assert time.monotonic() < deadline, "the run did not come so far"
        time.sleep(0.001)


def lines(file: Path) -> int:
    return file.read_text().count("\n") if file.is_file() else 0


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path, processes: ForkServerContext
) -> None:
    """SIGKILL in the middle of an update, of a checkpoint, and at random moments."""
    metrics, saving = tmp_path / "run" / "metrics.jsonl", tmp_path / "run" / "checkpoints"
    moments: list[Callable[[], bool]] = [
        lambda: (tmp_path / "run" / "config.yaml").is_file(),
        lambda: lines(metrics) >= 1,
        lambda: any(saving.glob(".update-*.partial")),
        lambda: lines(metrics) >= 3,
        lambda: bool(checkpoints(tmp_path / "run")),
        lambda: lines(metrics) >= 5,
    ]
    killed = 0
    for moment in moments:
        process = processes.Process(target=train, args=(recipe(), tmp_path / "run", Silent(print), True))
        process.start()
        wait_for(moment, process)
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed >= 3
    train(recipe(), tmp_path / "run", Silent(), resume=True)
    assert_same_run(tmp_path / "run", uninterrupted)


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    train(recipe(training={"max_updates": 4}), tmp_path, Silent())
    weights = tmp_path / "checkpoints" / "update-000004" / "agents" / "b" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    notes: list[str] = []
    train(recipe(), tmp_path, Silent(notes.append), resume=True)
    assert notes[0].startswith(f"{weights.parents[2]} is damaged (agents/b/model.safetensors")
    assert "Resumed after update 2." in notes
    assert_same_run(tmp_path, uninterrupted)


def test_a_run_that_is_made_longer_is_the_longer_run(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    train(recipe(training={"max_updates": 3}), tmp_path, Silent())
    assert checkpoints(tmp_path) == ["update-000002", "update-000003"]
    train(recipe(training={"max_updates": None}), tmp_path, Silent(), resume=True)
    assert_same_run(tmp_path, uninterrupted)


def test_an_evaluation_that_ended_the_run_is_made_up_for(recipe: Recipe, tmp_path: Path) -> None:
    """The shorter run's last team was evaluated as ``after``; in the longer one it is one on the way."""
    every = {"max_updates": 4, "evaluate_every": 2}
    train(recipe(training=every), tmp_path / "longer", Silent())
    train(recipe(training={**every, "max_updates": 2}), tmp_path / "resumed", Silent())
    train(recipe(training=every), tmp_path / "resumed", Silent(), resume=True)
    assert_same_run(tmp_path / "resumed", tmp_path / "longer")
    names = [row["name"] for row in rows(tmp_path / "resumed" / "evaluations.jsonl")]
    assert names == ["before", "update-000002", "after"]


def test_resuming_a_finished_run_changes_nothing(uninterrupted: Path, recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(), tmp_path, Silent())
    train(recipe(), tmp_path, Silent(), resume=True)
    assert_same_run(tmp_path, uninterrupted)


class Interrupting(Silent):
    """Presses Ctrl-C after some updates."""

    def __init__(self, after: int, times: int = 1) -> None:
        self.notes: list[str] = []
        super().__init__(self.notes.append)
        self.after, self.times = after, times

    def updated(self, metrics: Mapping[str, float]) -> None:
        if metrics["update"] == self.after:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_saves_and_the_run_goes_on_as_if_nothing_had_happened(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    display = Interrupting(after=3)
    before = signal.getsignal(signal.SIGINT)
    result = train(recipe(), tmp_path, display)
    assert signal.getsignal(signal.SIGINT) is before
    assert result.interrupted
    assert not result.summary["finished"]
    assert "after" not in result.summary
    assert display.notes[-1] == "Stopping after this update; press Ctrl-C again to leave at once."
    assert checkpoints(tmp_path) == ["update-000002", "update-000003"]
    assert not train(recipe(), tmp_path, Silent(), resume=True).interrupted
    assert_same_run(tmp_path, uninterrupted)


def test_ctrl_c_twice_leaves_at_once_and_keeps_the_last_checkpoint(
    uninterrupted: Path, recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(recipe(), tmp_path, Interrupting(after=3, times=2))
    assert checkpoints(tmp_path) == ["update-000002"]
    train(recipe(), tmp_path, Silent(), resume=True)
    assert_same_run(tmp_path, uninterrupted)


def test_a_request_to_end_is_heard_like_ctrl_c(
    recipe: Recipe, tmp_path: Path, processes: ForkServerContext
) -> None:
    process = processes.Process(
        target=train, args=(recipe(training={"epochs": 500}), tmp_path, Silent(print))
    )
    process.start()
    wait_for(lambda: lines(tmp_path / "metrics.jsonl") >= 1, process)
    process.terminate()
    process.join(60)
    assert process.exitcode == 0
    last = rows(tmp_path / "metrics.jsonl")[-1]["update"]
    assert checkpoints(tmp_path)[-1] == f"update-{last:06d}"
    assert not json.loads((tmp_path / "summary.json").read_text())["finished"]


# Failures


def breaking(monkeypatch: pytest.MonkeyPatch, config: RunConfig, tasks: set[str]) -> None:
    """Let the environment's sandbox die in training on some tasks."""
    step = type(config.env).step

    def failing(env: Any, state: Any, replies: Mapping[str, str]) -> Any:
        if state.task.id in tasks:
            raise InfrastructureError("the sandbox died")
        return step(env, state, replies)

    monkeypatch.setattr(type(config.env), "step", failing)


def test_failed_rollouts_leave_the_batch_and_are_told(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(training={"epochs": 1, "tasks_per_update": 4}, evaluation={"tasks": 4})
    breaking(monkeypatch, config, {"01", "11"})
    notes: list[str] = []
    train(config, tmp_path, Silent(notes.append))
    (row,) = rows(tmp_path / "metrics.jsonl")
    assert (row["failures"], row["episodes"], row["env_steps"]) == (2, 2, 4)
    assert "2 of 4 rollouts failed: the sandbox died." in notes
    kept = episodes(tmp_path)["update-000001.jsonl"]
    failed = [one for one in kept if "failure" in one]
    assert sorted(one["task"] for one in failed) == ["01", "11"]
    assert sorted({one["task"] for one in kept if "reward" in one}) == ["00", "10"]
    assert all(one["advantages"] for one in kept if "reward" in one)
    assert [one["failures"] for one in rows(tmp_path / "evaluations.jsonl")] == [2.0, 2.0]


def test_a_batch_in_which_all_failed_ends_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(training={"shuffle": False, "checkpoint_every": 1})
    breaking(monkeypatch, config, {"10", "11"})
    with pytest.raises(CollmError, match="every rollout of update 2 failed: the sandbox died"):
        train(config, tmp_path, Silent())
    assert checkpoints(tmp_path) == ["update-000001"]
    monkeypatch.undo()
    train(config, tmp_path, Silent(), resume=True)
    assert [row["update"] for row in rows(tmp_path / "metrics.jsonl")] == list(range(1, UPDATES + 1))


def test_a_folder_in_use_is_left_alone(uninterrupted: Path, recipe: Recipe) -> None:
    before = checksums(uninterrupted)
    with pytest.raises(CollmError, match="not empty"):
        train(recipe(), uninterrupted, Silent())
    assert checksums(uninterrupted) == before


def test_a_run_with_heads_on_the_actors_trunks_resumes_bit_for_bit(recipe: Recipe, tmp_path: Path) -> None:
    values = plain(recipe(algorithm={"type": "collm_dc"}))
    critic = {"trunk": "actor", "optimization": {"learning_rate": 0.01}}
    config = make_config({**values, "critic": critic}, "recipe")
    first = config.training.model_copy(update={"max_updates": 2})
    train(config, tmp_path / "whole", Silent())
    train(config.model_copy(update={"training": first}), tmp_path / "parts", Silent())
    heads = sorted(file.name for file in (tmp_path / "whole" / "checkpoints").rglob("critics/*/*"))
    assert set(heads) == {"value_head.safetensors"}
    stored = tmp_path / "parts" / "config.yaml"
    stored.write_text((tmp_path / "whole" / "config.yaml").read_text())
    train(config, tmp_path / "parts", Silent(), resume=True)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")
