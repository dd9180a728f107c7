"""The trackers themselves, each offline in a folder of its own; what they keep is read back."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collm.config.recipes import load_recipe
from collm.runs.completions import COLUMNS
from collm.runs.tracking import open_trackers

ROWS = [
    (3, "seven", 0, "a", "left?", "<b>one</b>", 0.5, "stop"),
    (3, "seven", 0, "b", "right?", "", 0.5, "length"),
]


def follow(backend: str, folder: Path) -> None:
    """Track two updates and what was said after the second."""
    config = load_recipe("demo", [f"tracking.backends=[{backend}]", "tracking.project=towers"])
    folder.mkdir(parents=True, exist_ok=True)
    (tracker,) = open_trackers(config, folder)
    tracker.log({"return_mean": 0.25, "component/fit (%)": 1.0}, 1)
    tracker.log({"return_mean": 0.5}, 3)
    tracker.log_completions(ROWS, 3)
    tracker.close()


def apart(backend: str, folder: Path, **environment: str) -> None:
    """Follow in a process of its own: trackers leave threads and settings behind."""
    program = f"from tests.runs.test_tracking_for_real import *; follow({backend!r}, Path({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_trackio_keeps_metrics_and_completions(tmp_path: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is not installed")
    apart("trackio", tmp_path / "run", TRACKIO_DIR=str(tmp_path / "kept"), HF_HUB_OFFLINE="1")
    (base,) = (tmp_path / "kept").glob("towers*.db")
    with sqlite3.connect(base) as connection:
        found = connection.execute("select run_name, step, metrics from metrics order by step, id").fetchall()
    assert {(name, step) for name, step, _ in found} == {("run", 1), ("run", 3)}
    values: dict[str, Any] = {}
    for _, _, metrics in found:
        values |= json.loads(metrics)
    assert values["return_mean"] == 0.5
    assert [row["reply"] for row in values["completions"]["_value"]] == ["<b>one</b>", ""]


def test_mlflow_keeps_metrics_and_completions_and_goes_on_in_the_same_run(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    place = (tmp_path / "kept").as_uri()
    for _ in range(2):
        apart("mlflow", tmp_path / "run", MLFLOW_TRACKING_URI=place, MLFLOW_ALLOW_FILE_STORE="true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(place)
    (run,) = client.search_runs([client.get_experiment_by_name("towers").experiment_id])
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    assert run.data.metrics == {"return_mean": 0.5, "component/fit ___": 1.0}
    steps = {metric.step for metric in client.get_metric_history(run.info.run_id, "return_mean")}
    assert steps == {1, 3}
    kept = json.loads(Path(client.download_artifacts(run.info.run_id, "completions-000003.json")).read_text())
    assert list(kept) == list(COLUMNS)
    assert kept["agent"] == ["a", "b"]


def test_wandb_keeps_metrics_and_completions_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    apart("wandb", tmp_path / "run", WANDB_MODE="offline", WANDB_SILENT="true")
    (log,) = (tmp_path / "run").rglob("*.wandb")
    assert b"return_mean" in log.read_bytes()
    (table,) = (tmp_path / "run").rglob("completions*.table.json")
    kept = json.loads(table.read_text())
    assert kept["columns"] == list(COLUMNS)
    assert [tuple(row) for row in kept["data"]] == ROWS


def test_tensorboard_keeps_metrics_and_completions(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follow("tensorboard", tmp_path / "run")
    kept = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in kept.Scalars("return_mean")] == [(1, 0.25), (3, 0.5)]
    (said,) = kept.Tensors("completions/0/text_summary")
    assert b"reply: <b>one</b>" in said.tensor_proto.string_val[0]
