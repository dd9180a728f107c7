from __future__ import annotations

import copy
import importlib
import importlib.util
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.data.rows import load_rows
from collm.envs.minecraft.blueprint import Blueprint, Rectangle, parse_blueprint
from collm.errors import CollmError

letters = st.sampled_from("AWS")


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    width, height, depth = (draw(st.integers(1, 5)) for _ in range(3))
    row = st.text(letters, min_size=width, max_size=width)
    layer = st.lists(row, min_size=depth, max_size=depth).map(tuple)
    layers = draw(st.lists(layer, min_size=height, max_size=height).map(tuple))
    origin = draw(st.tuples(*[st.integers(-9, 9)] * 3))
    return Blueprint("drawn", (("A", "air"), ("W", "wood"), ("S", "stone")), origin, layers)


def test_a_row_of_the_dataset_becomes_a_blueprint(hut: Blueprint) -> None:
    assert (hut.id, hut.size, hut.origin, hut.end) == ("hut", (3, 2, 3), (0, 0, 0), (2, 1, 2))
    assert hut.blocks == ("oak_planks", "stone", "air")
    assert hut.target()[0, 1, 1] == "stone"
    assert hut.target()[1, 1, 1] == "air"
    assert Counter(hut.target().values()) == {"oak_planks": 9, "stone": 7, "air": 2}


def test_the_row_index_is_z_and_the_letter_index_is_x() -> None:
    row = {
        "task_id": "l",
        "inventory": {"W": "oak_planks", "A": "air"},
        "target_spec": {"layers": [{"y": 0, "rows": ["WWW", "WAA"]}]},
    }
    target = parse_blueprint(row, "l").target()
    assert target[2, 0, 0] == "oak_planks"
    assert target[0, 0, 1] == "oak_planks"
    assert target[2, 0, 1] == "air"


def test_layers_may_be_a_mapping_in_any_order(hut: Blueprint, hut_row: dict[str, Any]) -> None:
    layers = {str(layer["y"]): layer["rows"] for layer in reversed(hut_row["target_spec"]["layers"])}
    hut_row["target_spec"]["layers"] = layers
    assert parse_blueprint(hut_row, "hut") == hut


def test_a_bbox_places_the_building(hut_row: dict[str, Any]) -> None:
    hut_row["bbox"] = {"from": [-4, 60, 7], "to": [-2, 61, 9]}
    placed = parse_blueprint(hut_row, "hut")
    assert (placed.origin, placed.end) == ((-4, 60, 7), (-2, 61, 9))
    assert placed.target()[-4, 61, 7] == "stone"
    assert placed.rectangles()[0] == Rectangle(60, -4, 7, -2, 9, "oak_planks")


def test_a_namespaced_block_is_the_plain_block(hut_row: dict[str, Any]) -> None:
    hut_row["inventory"] = {"W": "minecraft:oak_planks", "S": "stone", "A": "minecraft:air"}
    assert parse_blueprint(hut_row, "hut").blocks == ("oak_planks", "stone", "air")


def test_rectangles_merge_equal_runs_and_come_out_when_they_close(hut: Blueprint) -> None:
    assert hut.rectangles() == (
        Rectangle(0, 0, 0, 2, 2, "oak_planks"),
        Rectangle(1, 0, 0, 0, 1, "stone"),
        Rectangle(1, 2, 0, 2, 1, "stone"),
        Rectangle(1, 0, 2, 2, 2, "stone"),
    )
    assert hut.rectangles(include_air=True)[2] == Rectangle(1, 1, 0, 1, 1, "air")


@given(blueprints())
def test_rectangles_with_air_tile_the_target(blueprint: Blueprint) -> None:
    cells = [
        (cell, rectangle.block)
        for rectangle in blueprint.rectangles(include_air=True)
        for cell in rectangle.cells()
    ]
    assert len(cells) == len(blueprint.target())
    assert dict(cells) == blueprint.target()
    assert sum(r.area for r in blueprint.rectangles(include_air=True)) == len(cells)


@given(blueprints())
def test_solid_rectangles_are_those_with_air_less_the_air(blueprint: Blueprint) -> None:
    everything = blueprint.rectangles(include_air=True)
    assert blueprint.rectangles() == tuple(r for r in everything if r.block != "air")


def test_the_shared_target_cannot_be_changed(hut: Blueprint) -> None:
    with pytest.raises(TypeError):
        hut.target()[0, 0, 0] = "stone"  # type: ignore[index]


def _set(row: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    row, *steps = copy.deepcopy(row), *path.split(".")
    place = row
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return row


@pytest.mark.parametrize(
    ("path", "value", "field", "problem"),
    [
        ("task_id", 3, "hut.task_id", "wrong type int"),
        ("inventory", [], "hut.inventory", "wrong type list"),
        ("inventory", {"WW": "stone"}, "hut.inventory", "'WW'"),
        ("inventory", {"W": ""}, "hut.inventory", "''"),
        ("inventory", {"W": "oak planks"}, "hut.inventory", "'oak planks'"),
        ("inventory", {"W": 7}, "hut.inventory", "7"),
        ("inventory", {"W": "oak_planks", "A": "air"}, "hut.target_spec.layers", "['S']"),
        ("target_spec", None, "hut.target_spec", "wrong type NoneType"),
        ("target_spec.size", [3, 2, 4], "hut.target_spec.size", "[3, 2, 3]"),
        ("target_spec.size", 18, "hut.target_spec.size", "18"),
        ("target_spec.layers", [], "hut.target_spec.layers", "y = []"),
        ("target_spec.layers", [{"y": 0}], "hut.target_spec.layers", "rows"),
        ("target_spec.layers", [{"y": 0, "rows": "WWW"}], "hut.target_spec.layers", "WWW"),
        ("target_spec.layers", [{"y": 1, "rows": ["W"]}], "hut.target_spec.layers", "y = [1]"),
        ("target_spec.layers", [{"y": 0, "rows": ["W"]}] * 2, "hut.target_spec.layers", "y = [0, 0]"),
        ("target_spec.layers", [{"y": 0, "rows": ["W", "WW"]}], "hut.target_spec.layers", "[1, 2]"),
        ("target_spec.layers", [{"y": 0, "rows": []}], "hut.target_spec.layers", "[0] rows"),
        ("target_spec.layers", [{"y": 0.9, "rows": ["W"]}], "hut.target_spec.layers", "0.9 is not a whole"),
        ("target_spec.layers", [{"y": True, "rows": ["W"]}], "hut.target_spec.layers", "True is not a whole"),
        ("target_spec.layers", [{"y": math.inf, "rows": ["W"]}], "hut.target_spec.layers", "inf is not a"),
        ("bbox", {"from": [math.inf, 0, 0], "to": [2, 1, 2]}, "hut.bbox", "cannot read"),
        ("bbox", {"from": [0.5, 0, 0], "to": [2, 1, 2]}, "hut.bbox", "cannot read"),
        ("bbox", [0, 0, 0], "hut.bbox", "[0, 0, 0]"),
        ("bbox", {"from": [0, 0], "to": [2, 1, 2]}, "hut.bbox", "cannot read"),
        ("bbox", {"from": [0, 0, 0], "to": [3, 1, 2]}, "hut.bbox", "[3, 1, 2]"),
    ],
)
def test_a_broken_row_is_named(
    hut_row: dict[str, Any], path: str, value: Any, field: str, problem: str
) -> None:
    with pytest.raises(CollmError) as caught:
        parse_blueprint(_set(hut_row, path, value), "hut")
    assert caught.value.where == field
    assert problem in caught.value.problem
    assert caught.value.mend


@pytest.mark.parametrize("field", ["task_id", "inventory", "target_spec"])
def test_a_missing_field_is_named(hut_row: dict[str, Any], field: str) -> None:
    del hut_row[field]
    with pytest.raises(CollmError, match=rf"hut\.{field}: this field is required"):
        parse_blueprint(hut_row, "hut")


def test_the_dataset_holds_ten_tasks_and_five_houses(houses: dict[str, Blueprint]) -> None:
    assert len(houses) == 10
    assert len({house.layers for house in houses.values()}) == 5
    assert {house.size for house in houses.values()} == {(6, 7, 7)}
    assert {house.end for house in houses.values()} == {(5, 6, 6)}


@pytest.mark.parametrize(
    ("house", "stairs", "bricks", "air"),
    [
        ("0002", 36, 54, 122),
        ("0101", 12, 114, 86),
        ("0104", 24, 42, 146),
        ("0106", 54, 58, 100),
        ("0108", 30, 38, 144),
    ],
)
def test_cells_of_each_house(
    houses: dict[str, Blueprint], house: str, stairs: int, bricks: int, air: int
) -> None:
    assert Counter(houses[house].target().values()) == {
        "white_concrete": 68,
        "obsidian": 12,
        "planks": 2,
        "stone_stairs": stairs,
        "stone_bricks": bricks,
        "air": air,
    }


def test_rectangles_of_each_house(houses: dict[str, Blueprint]) -> None:
    counts = [len(houses[house].rectangles()) for house in ("0002", "0101", "0104", "0106", "0108")]
    assert counts == [37, 33, 35, 37, 39]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
@pytest.mark.parametrize("mapped", [False, True], ids=["list", "mapping"])
def test_houses_of_a_table_may_have_different_legends(
    tmp_path: Path, hut_row: dict[str, Any], mapped: bool
) -> None:
    """A table gives every row the keys of all rows, with nothing in them."""
    shed = {
        "task_id": "shed",
        "inventory": {"P": "spruce_planks", "A": "air"},
        "target_spec": {"layers": [{"y": 0, "rows": ["PP", "PA"]}]},
    }
    rows = [hut_row, shed]
    for row in rows if mapped else ():
        spec = row["target_spec"]
        spec["layers"] = {str(layer["y"]): layer["rows"] for layer in spec["layers"]}
    pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    file = tmp_path / "houses.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    hut, parsed = (parse_blueprint(row, "row") for row in load_rows(str(file), "dataset"))
    assert (hut.target(), parsed.id) == (parse_blueprint(hut_row, "hut").target(), "shed")
    assert dict(parsed.inventory) == shed["inventory"]
    assert len(parsed.layers) == 1
