"""Episodes as Inspect's logs; where Inspect is installed, it reads them itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collm.errors import AbsentError
from collm.report.inspect_logs import export_logs, log_of
from collm.runs.files import write_json_lines

WRITTEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def row(tree: int, path: list[int], reward: float = 0.5, task: str = "seven") -> dict[str, Any]:
    return {
        "tree": tree,
        "task": task,
        "path": path,
        "turn": len(path) - 1,
        "observations": {"a": "left?", "b": "<script>alert(1)</script>"},
        "replies": {"a": f"l{path}", "b": "\u202e\x1b[31m"},
        "tokens": {"a": 2, "b": 1},
        "finish_reasons": {"a": "stop", "b": "length"},
        "logprobs": {"a": -1.0, "b": -2.0},
        "global_information": "",
        "raw_reward": reward,
        "reward": reward,
        "agent_rewards": None,
        "components": {"fit": reward},
        "metrics": {"iou": reward / 2},
        "terminated": len(path) == 2,
        "truncated": False,
    }


ROWS = [
    row(0, [0]),
    row(0, [0, 0], 1.0),
    row(0, [0, 1], 0.0),
    {"tree": 1, "task": "eight", "failure": "the sandbox died"},
    row(2, [0]),
    row(2, [0, 0], 0.25),
]


def test_leaves_of_one_task_are_told_apart_by_their_epoch() -> None:
    samples = log_of(ROWS, "demo", WRITTEN, {})["samples"]
    assert [(each["id"], each["epoch"]) for each in samples] == [("seven", 1), ("seven", 2), ("seven", 3)]
    assert [each["scores"]["return"]["value"] for each in samples] == [1.5, 0.5, 0.75]


def test_a_turn_is_a_span_with_one_for_each_agent_and_the_reward_after_the_replies() -> None:
    events = log_of(ROWS, "demo", WRITTEN, {})["samples"][0]["events"]
    per_turn = ["span_begin", *["span_begin", "model", "span_end"] * 2, "info", "span_end"]
    assert [event["event"] for event in events] == per_turn * 2
    said = [(event["model"], event["output"]["choices"][0]) for event in events if event["event"] == "model"]
    assert [agent for agent, _ in said] == ["a", "b"] * 2
    assert [choice["stop_reason"] for _, choice in said] == ["stop", "max_tokens"] * 2
    assert said[0][1]["message"]["content"] == "l[0]"


def test_measures_are_means_over_the_episodes() -> None:
    scores = log_of(ROWS, "demo", WRITTEN, {})["results"]["scores"]
    means = {score["name"]: score["metrics"]["mean"]["value"] for score in scores}
    assert means == {"return": pytest.approx(2.75 / 3), "iou": pytest.approx(0.625 / 3)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "episodes").mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 3\n")
    for name in ("evaluation-before", "update-000001"):
        write_json_lines(folder / "episodes" / f"{name}.jsonl", ROWS)
    return folder


def test_evaluations_are_written_unless_others_are_named(run: Path, tmp_path: Path) -> None:
    (one,) = export_logs(run, tmp_path / "logs")
    assert "_run-evaluation-before_" in one.name
    (other,) = export_logs(run, tmp_path / "logs", ["update-000001"])
    assert "_run-update-000001_" in other.name
    assert json.loads(other.read_text())["eval"]["metadata"]["config"] == {"seed": 3}
    with pytest.raises(AbsentError, match="no rows named 'update-7'"):
        list(export_logs(run, tmp_path / "logs", ["update-7"]))


def test_a_run_without_evaluations_is_told(run: Path, tmp_path: Path) -> None:
    (run / "episodes" / "evaluation-before.jsonl").unlink()
    with pytest.raises(AbsentError, match="there are no evaluations yet"):
        list(export_logs(run, tmp_path / "logs"))


def test_inspect_reads_every_sample(run: Path, tmp_path: Path) -> None:
    inspect_log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed")
    (file,) = export_logs(run, tmp_path / "logs")
    (listed,) = inspect_log.list_eval_logs(str(tmp_path / "logs"))
    log = inspect_log.read_eval_log(listed)
    assert Path(file).name in listed.name
    assert [(sample.id, sample.epoch) for sample in log.samples] == [("seven", n) for n in (1, 2, 3)]
    assert log.samples[0].scores["return"].value == 1.5
    kinds = [type(event).__name__ for event in log.samples[0].events[:4]]
    assert kinds == ["SpanBeginEvent", "SpanBeginEvent", "ModelEvent", "SpanEndEvent"]
    assert log.samples[0].events[5].output.completion == "\u202e\x1b[31m"
    assert log.results.metrics["mean"].value == pytest.approx(2.75 / 3)
