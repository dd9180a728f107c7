from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from collm.report.entries import collect, grouped
from collm.report.pages import write_report
from collm.report.raw_data import aggregates, marl_eval
from tests.report.sweeps import write_run, write_sweep


def test_a_report_is_pictures_tables_and_two_pages(tmp_path: Path) -> None:
    groups = grouped(collect([str(write_sweep(tmp_path / "s"))]))
    files = {file.name for file in write_report(groups, tmp_path / "out")}
    figures = {
        f"figure2-{source}.{suffix}" for source in ("train", "test", "greedy") for suffix in ("png", "svg")
    }
    tables = {f"table{n}-writing.{suffix}" for n in (1, 3) for suffix in ("tex", "csv")}
    assert files == figures | tables | {"report.md", "report.html"}
    assert all((tmp_path / "out" / name).stat().st_size for name in files)


def test_the_html_page_needs_no_other_file(tmp_path: Path) -> None:
    write_report(grouped(collect([str(write_sweep(tmp_path / "s"))])), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<th>Pipeline</th>" in page


def test_runs_alone_are_compared_too(tmp_path: Path) -> None:
    places = [f"A={write_run(tmp_path / 'a', 1)}", f"B={write_run(tmp_path / 'b', 1)}"]
    write_report(grouped(collect(places)), tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| A |" in text
    assert "| B |" in text


def test_raw_data_are_nested_as_marl_eval_reads_them(tmp_path: Path) -> None:
    raw = marl_eval(grouped(collect([str(write_sweep(tmp_path / "s"))])))
    assert set(raw["collm"]["writing"]) == {"CC", "MAGRPO"}
    run = raw["collm"]["writing"]["CC"]["run_1"]
    assert run["step_0"] == {
        "step_count": 0,
        "elapsed_time": 0.0,
        "return_mean": [0.0],
        "greedy_return_mean": [0.0],
    }
    assert run["step_1"]["step_count"] == 32
    assert run["absolute_metrics"] == {"return_mean": [5.0], "greedy_return_mean": [10.0]}
    json.dumps(raw, allow_nan=False)


def test_runs_of_one_seed_are_numbered_in_raw_data(tmp_path: Path) -> None:
    places = [f"A={write_run(tmp_path / name, seed)}" for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    raw = marl_eval(grouped(collect(places)))
    assert list(raw["collm"]["tldr"]["A"]) == ["run_1", "run_1_2", "run_2"]


def test_aggregates_are_those_of_rliable(tmp_path: Path) -> None:
    pytest.importorskip("rliable.metrics")
    table = aggregates(grouped(collect([str(write_sweep(tmp_path / "s"))])))
    assert table is not None
    assert list(table.rows) == ["CC", "MAGRPO"]  # the protocol has one run alone
    means = [one.mean for one in table.rows["CC"] if one is not None]
    assert means == pytest.approx([0.6, 0.6, 0.6, 0.4])


COMMAND = """
import sys
from collm.cli.app import main
sys.argv = ["collm", "report", *sys.argv[1:]]
try:
    main()
finally:
    assert not {"torch", "transformers"} & sys.modules.keys()
"""


def test_the_command_needs_no_pytorch(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s")
    arguments = ["s", "--out", "out", "--marl-eval", "raw.json"]
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wrote out/report.html" in done.stdout
    assert (tmp_path / "raw.json").is_file()
