from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.paper.page import HERE, shown_in_figure_2, verdict_on, write_page
from collm.base.yaml_text import read_yaml
from collm.report.entries import Groups
from collm.report.tables import Estimate
from collm.sweep.grid import read_grid
from tests.report.sweeps import write_evaluation, write_json, write_run

PUBLISHED = read_yaml(HERE / "published.yaml")
GRID = read_grid(HERE.parent / "grids" / "paper_small.yaml")


def between(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, (low, high), None, 3)


@pytest.mark.parametrize(
    ("more", "less", "verdict"),
    [
        (between(2, 3), between(0, 1), "agrees"),
        (between(0, 1), between(2, 3), "disagrees"),
        (between(0, 2), between(1, 3), "open"),
        (between(0, 0), between(0, 0), "open"),
        (between(0, 1), None, "not measured"),
        (Estimate(5.0, None, None, 1), between(0, 1), "not measured"),
    ],
)
def test_a_finding_agrees_where_intervals_lie_apart(
    more: Estimate, less: Estimate | None, verdict: str
) -> None:
    assert verdict_on(more, less) == verdict


def test_every_row_of_ours_is_a_cell_of_the_grid() -> None:
    rows = {
        (domain, line["ours"])
        for table in ("table1", "table2", "table3")
        for domain, section in PUBLISHED[table].items()
        for line in section["rows"].values()
        if "ours" in line
    }
    assert {domain for domain, _ in rows} == set(GRID.domains)
    assert {row for _, row in rows} == {*GRID.methods, *GRID.plays}


def test_every_finding_is_one_of_the_papers_own_numbers() -> None:
    for finding in PUBLISHED["findings"]:
        section = PUBLISHED[finding["table"]][finding["domain"]]
        place = list(section["measures"]).index(finding["measure"])
        more, less = (section["rows"][finding[key]]["published"][place] for key in ("more", "less"))
        assert more > less, finding


def test_figure_2_shows_the_teams_that_train_and_nothing_else() -> None:
    groups: Groups = {"writing": {"AC": [], "CoLLM-CC": [], "MAGRPO": [], "Parallel": []}}
    assert shown_in_figure_2(PUBLISHED, groups) == {"writing": {"CoLLM-CC": [], "MAGRPO": []}}


def test_the_page_is_filled_from_a_sweep_and_says_what_is_missing(tmp_path: Path) -> None:
    cells = []
    for seed in (1, 2):
        for method, gain in (("CoLLM-CC", 0.9), ("Parallel", 0.2)):
            name = f"{method}-{seed}"
            play = {"type": "parallel"} if method == "Parallel" else None
            labels = {"domain": "writing", "method": method, "seed": seed}
            cells.append({"name": name, "labels": labels, "play": play})
            write_evaluation(tmp_path / "s" / "evaluations" / name, {0: gain, 1: gain}, seed)
            if play is None:
                write_run(tmp_path / "s" / "runs" / name, seed)
    write_json(tmp_path / "s" / "sweep.json", {"grid": {"evaluation": {}}, "cells": cells})
    done = [{"seconds": 60.0, "state": "finished"}] * 3
    write_json(tmp_path / "s" / "summary.json", {"cells": [*done, {"seconds": 0.0, "state": "failed"}]})
    (tmp_path / "docs" / "images").mkdir(parents=True)
    page = write_page(tmp_path / "s", tmp_path / "docs").read_text()
    assert "{{" not in page
    assert "4 cells, 1 failed, 3 minutes of processes" in page
    assert "| writing, score (%): CoLLM-CC above Parallel | 95.2 > 22.7 | 90.0 [90.0, 90.0] and 20.0" in page
    assert "| GRPO | 4.1 | – | 387 | – | 91.7 | – |" in page
    assert (tmp_path / "docs" / "images" / "paper_figure2-train.png").is_file()
