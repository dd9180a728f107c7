from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from collm.errors import CollmError
from collm.report.curves import _width, draw_comparison, draw_groups, draw_run, points_of
from collm.runs.run import Run


def write_run(folder: Path, points: int, offset: float = 0.0) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 0\n")
    rows = [
        {"update": n, "env_steps": 4 * n, "return_mean": offset + n / points, "iou": 0.5}
        for n in range(1, points + 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluations = [
        {"update": n, "name": "x", "return_mean": 0.1, "greedy_return_mean": 0.2} for n in (0, points)
    ]
    (folder / "evaluations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in evaluations))
    return folder


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("points", [1, 2, 30])
def test_a_run_is_drawn_with_its_evaluations(tmp_path: Path, points: int) -> None:
    folder = write_run(tmp_path / "run", points)
    assert draw_run(folder, ["iou", "hp"]) == folder / "curve.png"
    assert is_picture(folder / "curve.png")


def test_a_run_without_updates_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    with pytest.raises(CollmError, match="no metrics here yet"):
        draw_run(tmp_path, [])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match=r"runs/nowhere: there is no such folder"):
        draw_comparison({"CC": [Path("runs/nowhere")]}, tmp_path / "a.png")
    with pytest.raises(CollmError, match="there is no run here"):
        draw_comparison({"CC": [tmp_path]}, tmp_path / "a.png")


def test_rows_without_the_key_as_a_number_are_passed_over(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 6)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    del rows[0]["return_mean"], rows[3]["return_mean"], rows[3]["update"]
    rows[1] |= {"return_mean": "much", "iou": None}
    rows[2] |= {"env_steps": "many"}
    rows[4] |= {"return_mean": True, "policy_loss/a": 0.5}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("return_mean", "iou", "policy_loss/a"):
        draw_comparison({"CC": [folder]}, tmp_path / "a.png", name)
    assert points_of(Run(folder), "return_mean", "train") == [(24.0, 1.0)]
    assert points_of(Run(folder), "policy_loss/a", "train") == [(20.0, 0.5)]
    assert is_picture(draw_run(folder, ["iou", "policy_loss/a"]))


def test_a_broken_log_is_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 3)
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write("5\n")
    with pytest.raises(CollmError, match=r"metrics\.jsonl, line 4: 5 is no object"):
        draw_comparison({"CC": [folder]}, tmp_path / "a.png")


def test_runs_of_different_lengths_are_compared(tmp_path: Path) -> None:
    groups = {
        "CC": [write_run(tmp_path / "a", 10), write_run(tmp_path / "b", 7, 0.5)],
        "DC": [write_run(tmp_path / "c", 3)],
    }
    draw_comparison(groups, tmp_path / "both.png")
    assert is_picture(tmp_path / "both.png")
    draw_comparison(groups, tmp_path / "both.svg", "iou")
    assert "<svg" in (tmp_path / "both.svg").read_text()


def texts(picture: Path) -> str:
    """What is written on a picture; SVG keeps it as comments beside the glyphs."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", picture.read_text()))


def test_evaluations_are_curves_too(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", 8)
    assert points_of(Run(folder), "return_mean", "test") == [(0.0, 0.1), (32.0, 0.1)]
    assert points_of(Run(folder), "return_mean", "greedy") == [(0.0, 0.2), (32.0, 0.2)]
    draw_comparison({"CC": [folder]}, tmp_path / "a.svg", source="greedy")
    assert "test, greedy; 95 % bootstrap interval over seeds" in texts(tmp_path / "a.svg")
    with pytest.raises(CollmError, match=r"evaluations\.jsonl: has no iou that is a number"):
        draw_comparison({"CC": [folder]}, tmp_path / "a.png", "iou", "test")


def test_smoothing_is_said_on_the_picture_and_lines_differ_without_colour(tmp_path: Path) -> None:
    groups = {name: [write_run(tmp_path / name, 60)] for name in ("CC", "DC")}
    draw_comparison(groups, tmp_path / "both.svg")
    assert "moving average over 5 % of the updates" in texts(tmp_path / "both.svg")
    dashes = re.findall(r'stroke-dasharray: ([^;"]+)', (tmp_path / "both.svg").read_text())
    assert dashes, "the second group is a dashed line"
    draw_run(tmp_path / "CC", [])
    assert _width(60) == 3


def test_a_single_update_can_be_seen(tmp_path: Path) -> None:
    draw_comparison({"CC": [write_run(tmp_path / "CC", 1)]}, tmp_path / "one.svg")
    draw_comparison({"CC": [write_run(tmp_path / "more", 2)]}, tmp_path / "two.svg")
    marks = [(tmp_path / name).read_text().count("<use ") for name in ("one.svg", "two.svg")]
    assert marks[0] > marks[1]


def test_runs_that_share_no_steps_are_drawn_one_by_one(tmp_path: Path) -> None:
    late = write_run(tmp_path / "late", 1)
    (late / "metrics.jsonl").write_text(json.dumps({"update": 1, "env_steps": 64, "return_mean": 9.0}) + "\n")
    axes = Figure().subplots()
    draw_groups(axes, {"CC": [write_run(tmp_path / "early", 5), late]})
    drawn = [np.asarray(line.get_xydata()).tolist() for line in axes.lines]
    assert drawn == [[[4 * n, n / 5] for n in range(1, 6)], [[64, 9]]]
    assert not axes.collections  # nor an interval where there is no mean
    assert axes.get_legend_handles_labels()[1] == ["CC (2 seeds, one by one)"]
    assert len({line.get_color() for line in axes.lines}) == 1


def test_an_unknown_key_or_format_is_named(tmp_path: Path) -> None:
    groups = {"CC": [write_run(tmp_path / "a", 3)]}
    with pytest.raises(CollmError, match="has no joy"):
        draw_comparison(groups, tmp_path / "a.png", "joy")
    with pytest.raises(CollmError, match=r"a\.doc: no format for pictures"):
        draw_comparison(groups, tmp_path / "a.doc")
