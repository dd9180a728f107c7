from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.image import imread

from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.houses import generate_houses
from collm.errors import CollmError
from collm.report.minecraft.builds import draw_builds

World = dict[Point, str]
TARGET: World = {(x, y, z): "stone" for x in range(2) for y in range(2) for z in range(2)} | {
    (0, 2, 0): "oak_planks",
    (1, 2, 1): "air",
}


def written(path: Path, *panels: tuple[str, World]) -> str:
    with mpl.rc_context({"svg.fonttype": "none"}):
        draw_builds(panels, path / "builds.svg")
    return (path / "builds.svg").read_text()


def reddish(path: Path, *panels: tuple[str, World]) -> int:
    """How many pixels above the captions are as red as the marks of wrong blocks."""
    draw_builds(panels, path / "builds.png")
    picture: npt.NDArray[np.float32] = imread(path / "builds.png")
    picture = picture[: int(0.7 * len(picture))]
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    return int(((red > 0.8) & (green < 0.3) & (blue < 0.35)).sum())


def test_titles_blocks_and_counts_are_written_below(tmp_path: Path) -> None:
    team = {cell: "stone" for cell in TARGET if cell != (1, 1, 1)}
    text = written(tmp_path, ("the plan", TARGET), ("the team\nmatch 0.70", team))
    for words in ("the plan", "the team", "match 0.70", "2 wrong, 1 missing", "oak_planks", "wrong block"):
        assert f">{words}<" in text
    assert ">missing<" in text


def test_a_perfect_build_has_no_faults(tmp_path: Path) -> None:
    text = written(tmp_path, ("plan", TARGET), ("team", dict(TARGET)))
    assert ">0 wrong, 0 missing<" in text
    assert ">wrong block<" not in text
    assert ">missing<" not in text


def test_only_wrong_blocks_are_marked_in_red(tmp_path: Path) -> None:
    missing = {cell: block for cell, block in TARGET.items() if cell != (0, 2, 0)}
    assert reddish(tmp_path, ("plan", TARGET), ("team", missing)) == 0
    assert reddish(tmp_path, ("plan", TARGET), ("team", {**TARGET, (1, 1, 0): "bricks"})) > 100
    assert reddish(tmp_path, ("plan", TARGET), ("team", {**TARGET, (1, 2, 1): "stone"})) > 100


def test_a_fault_behind_walls_is_not_painted_but_counted(tmp_path: Path) -> None:
    cube: World = {(x, y, z): "stone" for x in range(3) for y in range(3) for z in range(3)}
    inside: World = {**cube, (1, 1, 1): "bricks"}
    assert reddish(tmp_path, ("plan", cube), ("team", inside)) == 0
    assert ">1 wrong, 0 missing<" in written(tmp_path, ("plan", cube), ("team", inside))


def test_any_number_of_panels_and_any_block(tmp_path: Path) -> None:
    house = dict(generate_houses("train")[0].target())
    odd: World = dict.fromkeys(house, "a_block_that_nobody_knows")
    draw_builds([("plan", house)], tmp_path / "one.png")
    draw_builds([(f"panel {i}", odd if i else house) for i in range(4)], str(tmp_path / "four.png"))
    one, four = imread(tmp_path / "one.png"), imread(tmp_path / "four.png")
    assert four.shape[1] == 4 * one.shape[1]


@pytest.mark.parametrize("panels", [[], [("plan", {})], [("plan", {(0, 0, 0): "air"})]])
def test_without_a_target_there_is_nothing_to_draw(tmp_path: Path, panels: list[tuple[str, World]]) -> None:
    with pytest.raises(CollmError, match="there is no target to draw"):
        draw_builds(panels, tmp_path / "builds.png")
