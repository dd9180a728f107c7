from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from collm.report.entries import collect, grouped
from collm.report.rendering import cell, csv_text, html, latex, markdown
from collm.report.tables import Estimate, Table, measured, tables_of
from tests.report.sweeps import (
    ENV,
    episode,
    write_evaluation,
    write_json,
    write_lines,
    write_run,
    write_sweep,
)


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Table]:
    groups = grouped(collect([str(write_sweep(tmp_path / "s"))]))
    return {table.name: table for table in tables_of(groups)}


def test_table_1_has_time_tokens_performance_and_return_of_every_method(tables: dict[str, Table]) -> None:
    table = tables["table1-writing"]
    assert table.columns == ("time of a turn (s)", "tokens a reply", "score (%)", "return")
    assert list(table.rows) == ["CC", "MAGRPO", "Pipeline"]
    estimates = [one for one in table.rows["CC"] if one is not None]
    assert [one.mean for one in estimates] == pytest.approx([0.5, 20.0, 60.0, 0.6])
    score = estimates[2]
    assert score.over_runs == pytest.approx((60.0, 60.0))  # both runs alike
    assert score.over_tasks == pytest.approx((40.0, 80.0))  # two tasks that differ


def test_a_single_run_has_no_interval_over_runs(tables: dict[str, Table]) -> None:
    score = tables["table1-writing"].rows["Pipeline"][2]
    assert score is not None
    assert (score.runs, score.over_runs) == (1, None)
    assert score.over_tasks == pytest.approx((30.0, 50.0))


def test_table_3_has_what_training_took_and_no_protocol(tables: dict[str, Table]) -> None:
    table = tables["table3-writing"]
    assert list(table.rows) == ["CC", "MAGRPO"]
    found = dict(zip(table.columns, table.rows["CC"], strict=True))
    means = {name: one.mean for name, one in found.items() if one is not None}
    tasks = means.pop("epochs") ** -1 * 8
    assert tasks == round(tasks)  # eight trees, over the embedded posts
    assert means == {
        "rollouts a tree": 2.0,
        "samples": 32.0,
        "updates": 8.0,
        "minutes": 2.0,
        "peak memory (GiB)": 2.0,
    }


@pytest.mark.parametrize(("made", "epochs", "episodes"), [(1, 0.75, 3), (2, 1.0, 4)])
def test_the_last_update_may_have_had_fewer_tasks(
    tmp_path: Path, made: int, epochs: float, episodes: int
) -> None:
    training = {"epochs": 1, "tasks_per_update": 3, "episodes_per_task": 1}
    means = overhead(tmp_path, training, [{"update": made, "episodes": episodes}] * made)
    assert means == {"epochs": epochs, "rollouts a tree": 1.0}


def test_epochs_are_not_told_of_saved_trees(tmp_path: Path) -> None:
    training = {"epochs": 1, "tasks_per_update": 3, "episodes_per_task": 1, "saved": "pairs.jsonl"}
    rows = [{"update": 1, "episodes": 6, "env_steps": 6}]
    assert overhead(tmp_path, training, rows) == {"samples": 6.0}


def overhead(folder: Path, training: dict[str, Any], rows: list[Any]) -> dict[str, float]:
    """What table 3 tells of a run over the four tasks of a probe."""
    config = {
        "seed": 0,
        "env": {"type": "probe_constant"},
        "algorithm": {"type": "rloo"},
        "training": training,
    }
    write_json(folder / "config.yaml", config)  # JSON is YAML too
    write_lines(folder / "metrics.jsonl", rows)
    tables = {table.name: table for table in tables_of(grouped(collect([str(folder)])))}
    table = tables["table3-probe-constant"]
    found = zip(table.columns, table.rows["rloo"], strict=True)
    return {name: one.mean for name, one in found if one is not None and name != "updates"}


def test_there_is_no_table_2_without_tests(tables: dict[str, Table]) -> None:
    assert not [name for name in tables if name.startswith("table2")]


def test_table_2_pools_the_tasks_of_all_runs(tmp_path: Path) -> None:
    for seed, first in ((1, 1.0), (2, 0.0)):
        folder = write_evaluation(tmp_path / str(seed), {0: 0.0}, seed, {**ENV, "type": "coding"})
        write_lines(folder / "episodes.jsonl", [episode(0, 0, 1, first), episode(1, 0, 1, 0.0)])
        write_json(folder / "measures.json", {"pass_at_1": first / 2, "pass_at_3": first / 2})
    groups = grouped(collect([str(tmp_path / "1"), str(tmp_path / "2")]))
    table = next(table for table in tables_of(groups) if table.name == "table2-coding")
    assert table.columns == ("pass@1", "pass@3")
    one = table.rows["pipeline"][0]
    assert one is not None
    assert one.mean == 25.0
    assert one.over_runs == (0.0, 50.0)
    assert one.over_tasks == (0.0, 50.0)  # the first task passes in one run of two, the second in none


def test_a_run_without_an_evaluation_stands_on_its_own_summary(tmp_path: Path) -> None:
    entries = collect([str(write_run(tmp_path / str(seed), seed, gain=seed)) for seed in (1, 2, 3)])
    score = measured(entries, "score", 100.0)
    assert score is not None
    assert score.mean == pytest.approx(20.0)
    assert score.over_runs == pytest.approx((10.0, 30.0))
    assert score.over_tasks is None
    assert measured(entries, "response_seconds_mean") is None


TABLE = Table(
    "t",
    "100 % of A & B",
    ("a_b", "c|d"),
    {"x": (Estimate(1.5, (1.0, 2.0), (0.5, 2.5), 3), None), "<y>": (Estimate(2.0, None, None, 1), None)},
    (1, 0),
)


def test_a_cell_has_the_intervals_that_are_there() -> None:
    assert cell(Estimate(1.5, (1.0, 2.0), (0.5, 2.5), 3), 1) == "1.5 [1.0, 2.0] {0.5, 2.5}"
    assert cell(Estimate(1.5, None, None, 1), 2) == "1.50"
    assert cell(None, 2) == "–"


def test_every_format_has_every_number_and_escapes_names() -> None:
    assert "| x | 1.5 [1.0, 2.0] {0.5, 2.5} | – |" in markdown(TABLE)
    assert r"x & 1.5 [1.0, 2.0] \{0.5, 2.5\} & -- \\" in latex(TABLE)
    assert r"100 \% of A \& B" in latex(TABLE)
    assert "<th>&lt;y&gt;</th><td>2.0</td>" in html(TABLE)
    first, *rest = list(csv.reader(io.StringIO(csv_text(TABLE))))
    assert first[:4] == ["method", "measure", "mean", "runs"]
    assert rest == [
        ["x", "a_b", "1.5", "3", "1.0", "2.0", "0.5", "2.5"],
        ["<y>", "a_b", "2.0", "1", *[""] * 4],
    ]
