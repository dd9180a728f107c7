from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.lettering import FONT, Lettering, embedded_strings, parse_lettering
from collm.errors import CollmError


def test_the_ten_strings_of_the_reference() -> None:
    train, test = embedded_strings("train"), embedded_strings("test")
    assert [task.text for task in train] == ["I", "C", "M", "L", "MC", "CM", "LI", "LLM"]
    assert [task.text for task in test] == ["ICML", "CLIM"]
    assert [task.difficulty for task in (*train, *test)] == [1, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    assert [task.id for task in (*train, *test)] == [f"str_build_{number:04d}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("text", "cells", "width"),
    [
        ("I", 13, 5),
        ("C", 11, 5),
        ("M", 13, 5),
        ("L", 9, 5),
        ("MC", 24, 12),
        ("CM", 24, 12),
        ("LI", 22, 12),
        ("LLM", 31, 19),
        ("ICML", 46, 26),
        ("CLIM", 46, 26),
    ],
)
def test_cells_and_boxes_of_the_reference(text: str, cells: int, width: int) -> None:
    task = Lettering("t", text)
    assert len(task.cells) == cells
    assert task.end == (width - 1, 4, 0)


def test_rows_run_from_the_top_and_cells_follow_them() -> None:
    task = Lettering("t", "LI")
    assert task.rows == (
        "#......#####",
        "#........#..",
        "#........#..",
        "#........#..",
        "#####..#####",
    )
    assert task.cells[:3] == ((0, 4, 0), (7, 4, 0), (8, 4, 0))
    assert task.cells[-1] == (11, 0, 0)


def test_unknown_characters_are_blank() -> None:
    assert Lettering("t", "I I").cells == Lettering("t", "I?I").cells
    assert Lettering("t", "I I").rows[0] == "#####.........#####"


def test_glyphs_that_were_once_drawn_otherwise_than_in_the_reference() -> None:
    assert Lettering("t", "GQ").rows == (
        ".####...###.",
        "#......#...#",
        "#.###..#...#",
        "#...#..#..##",
        ".###....####",
    )


def test_every_glyph_has_five_rows_of_five_and_its_own_shape() -> None:
    for glyph in FONT.values():
        assert [len(row) for row in glyph.split("/")] == [5] * 5
        assert set(glyph) <= set("01/")
    assert len(set(FONT.values())) == len(FONT) == 36


@given(st.text(min_size=1, max_size=6))
def test_marks_and_cells_agree(text: str) -> None:
    task = Lettering("t", text.upper())
    marks = {
        (x, 4 - row, 0) for row, line in enumerate(task.rows) for x, mark in enumerate(line) if mark == "#"
    }
    assert set(task.cells) == marks
    assert len({len(row) for row in task.rows}) == 1


def test_a_row_of_a_file_becomes_a_task() -> None:
    assert parse_lettering({"string": "icml", "difficulty": "3"}, "x.csv[1]") == Lettering(
        "x.csv[1]", "ICML", 3
    )
    assert parse_lettering({"string": "A", "task_id": 7}, "x") == Lettering("7", "A", 1)
    assert parse_lettering({"string": "A", "task_id": 0}, "x") == Lettering("0", "A", 1)
    assert parse_lettering({"string": "A", "task_id": ""}, "x") == Lettering("x", "A", 1)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "x.string"),
        ({"string": ""}, "x.string"),
        ({"string": "?! "}, "x.string"),
        ({"string": 3}, "x.string"),
        ({"string": "A", "difficulty": "hard"}, "x.difficulty"),
        ({"string": "A", "difficulty": float("inf")}, "x.difficulty"),
        ({"string": "A", "difficulty": 1.9}, "x.difficulty"),
    ],
)
def test_a_broken_row_is_named(row: dict[str, Any], field: str) -> None:
    with pytest.raises(CollmError) as caught:
        parse_lettering(row, "x")
    assert caught.value.where == field
