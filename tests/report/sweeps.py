"""Finished sweeps as files, small enough to work out by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def write_json(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))


def write_lines(file: Path, rows: list[Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


ENV = {"type": "tldr"}


def write_run(folder: Path, seed: int = 0, method: str = "collm_cc", gain: float = 1.0) -> Path:
    """A run of four updates of two trees with two episodes each, and evaluations before and after."""
    folder.mkdir(parents=True, exist_ok=True)
    training = {"epochs": 1, "tasks_per_update": 2, "episodes_per_task": 1}
    config = {"seed": seed, "env": ENV, "algorithm": {"type": method}, "training": training}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    rows = [
        {
            "update": n,
            "env_steps": 8 * n,
            "episodes": 4 * n,
            "seconds": 30.0 * n,
            "return_mean": gain * n,
            "optimizer_steps": 2,
            "peak_memory_gib": 1.0 + n / 4,
        }
        for n in range(1, 5)
    ]
    write_lines(folder / "metrics.jsonl", rows)
    names = (("before", 0, 0.0), ("after", 4, gain))
    evaluations = [
        {"update": update, "name": name, "return_mean": value, "greedy_return_mean": 2 * value}
        for name, update, value in names
    ]
    write_lines(folder / "evaluations.jsonl", evaluations)
    after = {"return_mean": gain, "score": gain / 10, "tokens": 20.0 + seed}
    write_json(folder / "summary.json", {"finished": True, "after": after})
    return folder


def episode(number: int, score: float, seconds: float, passed: float | None = None) -> dict[str, Any]:
    """One turn of two messages, as an evaluation keeps it."""
    metrics = {"score": score} if passed is None else {"passed_all": passed}
    turn = {
        "turn": 0,
        "reward": score,
        "raw_reward": score,
        "components": {},
        "metrics": metrics,
        "terminated": True,
        "truncated": False,
        "response_seconds": seconds,
        "messages": [{"tokens": 10}, {"tokens": 30}],
    }
    return {
        "number": number,
        "task": f"task {number}",
        "sample": 0,
        "greedy": False,
        "failure": None,
        "turns": [turn],
    }


def write_evaluation(
    folder: Path, scores: Mapping[int, float], seed: int = 0, env: Mapping[str, Any] = ENV
) -> Path:
    """One episode a task, by the task's number."""
    settings = {"protocol": {"type": "pipeline"}, "seed": seed, "env": env}
    write_json(folder / "evaluation.json", settings)
    write_lines(folder / "episodes.jsonl", [episode(task, score, 0.5) for task, score in scores.items()])
    mean = sum(scores.values()) / len(scores)
    measures = {"return_mean": mean, "score": mean, "tokens_mean": 20.0, "response_seconds_mean": 0.5}
    write_json(folder / "measures.json", measures)
    return folder


def write_sweep(folder: Path) -> Path:
    """Two methods that trained with two seeds each and a protocol; one cell has not begun."""
    cells: list[dict[str, Any]] = []
    for seed in (1, 2):
        for method, gain in (("CC", 4.0), ("MAGRPO", 2.0)):
            name = f"{method}-{seed}"
            labels = {"domain": "writing", "method": method, "seed": seed}
            cells.append({"name": name, "labels": labels, "play": None})
            write_run(folder / "runs" / name, seed, gain=gain + seed)
            write_evaluation(folder / "evaluations" / name, {0: 0.1 * gain, 1: 0.2 * gain}, seed)
        labels = {"domain": "writing", "method": "Pipeline", "seed": seed}
        cells.append({"name": f"play-{seed}", "labels": labels, "play": {"type": "pipeline"}})
    write_evaluation(folder / "evaluations" / "play-1", {0: 0.3, 1: 0.5}, 1)
    write_json(folder / "sweep.json", {"grid": {"evaluation": {"samples": 1}}, "cells": cells})
    return folder
