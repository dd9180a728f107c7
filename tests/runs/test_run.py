from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collm import Run
from collm.errors import AbsentError, CollmError
from collm.runs.folder import Counters, RunFolder
from tests.tiny_runs import Recipe


@pytest.fixture
def run(tmp_path: Path, recipe: Recipe) -> Path:
    """A run as it is left after two updates."""
    folder = RunFolder(tmp_path / "run")
    folder.start(recipe())
    for update in (1, 2):
        folder.write_episodes(f"update-00000{update}", [{"tree": 0, "turn": 0}, {"tree": 1, "turn": 0}])
        folder.log({"update": update, "return_mean": update / 2})
    folder.log_evaluation({"update": 0, "name": "before", "return_mean": 0.25})
    (tmp_path / "run" / "checkpoints" / "update-000002").mkdir(parents=True)
    folder.write_summary({"finished": True, "update": Counters(2).update})
    return folder.path


def test_everything_of_a_run_can_be_read(run: Path, recipe: Recipe) -> None:
    found = Run(str(run))
    assert repr(found) == f"Run('{run}')"
    assert found.config["seed"] == 3
    assert found.config["agents"]["a"]["sampling"]["max_tokens"] == 2
    assert [row["return_mean"] for row in found.metrics] == [0.5, 1.0]
    assert found.evaluations == [{"update": 0, "name": "before", "return_mean": 0.25}]
    assert list(found.episodes) == ["update-000001", "update-000002"]
    assert len(found.episodes["update-000002"]) == 2
    assert "update-000003" not in found.episodes
    assert found.checkpoints == (run / "checkpoints" / "update-000002",)
    assert found.summary["finished"]


def test_rows_are_a_table(run: Path) -> None:
    pandas = pytest.importorskip("pandas")
    found = Run(run)
    assert isinstance(found.table("metrics"), pandas.DataFrame)
    assert list(found.table("metrics")["return_mean"]) == [0.5, 1.0]
    assert list(found.table("update-000001")["tree"]) == [0, 1]
    with pytest.raises(CollmError, match="no rows named 'update-7'"):
        found.table("update-7")


def test_all_episodes_are_one_table(run: Path) -> None:
    pytest.importorskip("pandas")
    found = Run(run)
    table = found.table("episodes")
    assert len(table) == sum(len(rows) for rows in found.episodes.values())
    assert set(table["name"]) == set(found.episodes)


def test_rows_are_a_polars_table_too(run: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    found = Run(run).table("metrics", "polars")
    assert isinstance(found, polars.DataFrame)
    assert found["return_mean"].to_list() == [0.5, 1.0]


def test_a_library_that_is_absent_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(AbsentError, match="run pip install polars"):
        Run(run).table("metrics", "polars")


def test_a_place_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match="there is no such folder"):
        Run(tmp_path / "nowhere")
    with pytest.raises(CollmError, match="there is no run here"):
        Run(tmp_path)


@pytest.mark.parametrize("text", ["{", "5", "[" * 100_000])
def test_a_broken_summary_is_named(run: Path, text: str) -> None:
    (run / "summary.json").write_text(text)
    with pytest.raises(CollmError, match=r"summary\.json: not a JSON object"):
        _ = Run(run).summary
    (run / "summary.json").unlink()
    with pytest.raises(CollmError, match="the run has not ended yet"):
        _ = Run(run).summary


def test_reading_a_run_imports_no_pytorch(run: Path) -> None:
    program = f"""
import sys, json, collm, collm.runs.folder, collm.runs.records, collm.runs.tracking, collm.runs.faults
run = collm.Run({str(run)!r})
print(len(run.metrics), run.config["seed"], len(run.episodes), run.summary["finished"])
print(json.dumps(sorted({{"torch", "transformers", "numpy", "matplotlib"}} & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, imported = done.stdout.splitlines()
    assert first == "2 3 2 True"
    assert json.loads(imported) == []
