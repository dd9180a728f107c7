from __future__ import annotations

from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.sweep.cells import cells_of
from collm.sweep.grid import read_grid

GRIDS = sorted((Path(__file__).parents[2] / "benchmarks" / "grids").glob("*.yaml"))


def written(folder: Path, text: str) -> Path:
    file = folder / "grid.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "a grid is a mapping"),
        ("seeds: [1]\n", "grid.yaml: domains: this key is required"),
        (
            "domain: {}\n",
            "domain: unknown key. (1 more after this one.) To mend it: did you mean 'd",
        ),
        ("domains: {a: {recipe: demo}}\nmethods: {A: }\n", "methods.A: this must be a mapping, got None"),
        ("domains: {a: {recipe: demo}}\nmethods: {A: {}}\nseeds: 3\n", "seeds: this must be a list, got 3"),
        (
            "domains: {a: {recipe: demo}}\nmethods: {A: {set: [seed=7]}}\n",
            "methods.A.set: each cell's own seed would replace this",
        ),
        (
            "domains: {a: {recipe: demo}}\nmethods: {A: {}}\naxes: {x: {y: [seed=7]}}\n",
            "axes.x.y: each cell's own seed would replace this",
        ),
        (
            "domains: {a: {recipe: demo}}\nmethod: {}\n",
            "method: unknown key. To mend it: did you mean 'method",
        ),
        ("domains: {}\nmethods: {A: {}}\n", "grid.yaml: domains"),
        ("domains: {a: {recipe: demo}}\n", "methods: there is nothing to run"),
        ("domains: {a: {recipe: demo}}\nmethods: {A: {}}\nseeds: [1, 1]\n", "seeds: a seed is given twice"),
        ("domains: {a: {recipe: demo}}\nmethods: {A: {}}\nseeds: [true]\n", "seeds"),
        (
            "domains: {a: {recipe: demo, methods: {B: {}}}}\nmethods: {A: {}}\n",
            "domains.a.methods.B: no such method",
        ),
        ("domains: {a: {recipe: demo}}\nmethods: {A: {}}\naxes: {rate: {}}\n", "axes.rate: the axis has no"),
        (
            "domains: {a: {recipe: demo}}\nmethods: {A: {}}\naxes: {seed: {x: []}}\n",
            "axes.seed: this is an axis of every grid",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CollmError) as raised:
        read_grid(written(tmp_path, text))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match="there is no such file"):
        read_grid(tmp_path / "no.yaml")


def test_there_are_grids_of_our_own() -> None:
    assert GRIDS


@pytest.mark.parametrize("file", GRIDS, ids=lambda file: file.name)
def test_every_cell_of_our_own_grids_fits(file: Path) -> None:
    assert cells_of(read_grid(file))
