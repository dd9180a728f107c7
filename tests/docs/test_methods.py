"""The page of methods names every algorithm, with overrides that fit the demo."""

from __future__ import annotations

import re

import pytest

from collm.algorithms.base import algorithms
from collm.config.recipes import load_recipe
from tests.docs.pages import PAGES

ROWS = re.findall(
    r"^\| `(algorithm\.type=[^`]+)` \|", PAGES["methods"].read_text(encoding="utf-8"), re.MULTILINE
)


def test_every_algorithm_has_its_row() -> None:
    assert sorted(re.findall(r"type=(\w+)", " ".join(ROWS))) == sorted(algorithms())


@pytest.mark.parametrize("row", ROWS)
def test_the_overrides_of_a_row_make_a_recipe(row: str) -> None:
    config = load_recipe("demo", row.split())
    assert row.startswith(f"algorithm.type={config.algorithm.type}")
