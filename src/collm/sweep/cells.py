"""The cells of a grid: which there are, with the whole recipe of each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collm.algorithms.base import Algorithm
from collm.config.overrides import overridden, parse_override
from collm.config.recipes import find, read_recipe
from collm.config.tree import make_config, plain
from collm.errors import CollmError
from collm.protocols.base import make_protocol
from collm.sweep.grid import Domain, Grid, Method, Overrides

_LONGEST = 200
"""Letters of a cell's name; file systems have room for 255, and files of a cell have longer names."""

Labels = Mapping[str, str | int]
"""Where a cell stands: ``domain``, ``method``, ``seed`` and the values of further axes."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run, or one evaluation of an untrained team.

    Attributes:
        name: of its folders, unlike every other cell's.
        labels: where it stands in the grid.
        recipe: the whole of it, as plain data.
        play: settings of the protocol by which the untrained team plays; ``None`` for a run.
    """

    name: str
    labels: Labels
    recipe: Mapping[str, Any]
    play: Mapping[str, Any] | None = None


def cells_of(grid: Grid) -> list[Cell]:
    """Every cell, the grid's seeds outermost, so that all methods are there early.

    Raises:
        CollmError: naming the cell whose recipe does not fit, and the field; or two cells of one name.
    """
    cells = list(_cells(grid))
    names: dict[str, Labels] = {}
    for cell in cells:
        if cell.name in names:
            both = f"{_described(names[cell.name])} and {_described(cell.labels)}"
            mend = "choose names that differ in their letters a to z and digits."
            raise CollmError("domains", f"{both} would share the folder {cell.name}.", mend)
        if len(cell.name) > _LONGEST:
            problem = f"{_described(cell.labels)} is too long for the name of a folder."
            raise CollmError("domains", problem, f"choose names of {_LONGEST} letters together at most.")
        names[cell.name] = cell.labels
    return cells


def _cells(grid: Grid) -> Iterator[Cell]:
    for seed, (domain, where) in itertools.product(grid.seeds, grid.domains.items()):
        for values in itertools.product(*(axis.items() for axis in grid.axes.values())):
            further = dict(zip(grid.axes, (name for name, _ in values), strict=True))
            last = (*itertools.chain.from_iterable(settings for _, settings in values), f"seed={seed}")
            for method, change in grid.methods.items():
                labels: Labels = {"domain": domain, "method": method, **further, "seed": seed}
                yield Cell(_named(labels), labels, _learned(grid, where, change, method, last, labels))
            for method, settings in grid.plays.items():
                labels = {"domain": domain, "method": method, **further, "seed": seed}
                make_protocol(settings, f"plays.{method}")
                recipe = _whole(where.recipe, (*grid.set, *where.set, *last), labels, learns=False)
                yield Cell(_named(labels), labels, recipe, settings)


def _learned(
    grid: Grid, domain: Domain, change: Method, method: str, last: Overrides, labels: Labels
) -> dict[str, Any]:
    here = domain.methods.get(method, Method())
    recipe = here.recipe or change.recipe or domain.recipe
    return _whole(recipe, (*grid.set, *domain.set, *change.set, *here.set, *last), labels, learns=True)


def _whole(recipe: str, overrides: Sequence[str], labels: Labels, learns: bool) -> dict[str, Any]:
    """A recipe with all its settings, checked and filled in."""
    try:
        values: Mapping[str, Any] = read_recipe(find(recipe))
        for override in overrides:
            values = overridden(_without_foreign_keys(values, override), [override])
        return plain(make_config(values, recipe, learns=learns))
    except CollmError as error:
        error.file = f"cell {_described(labels)}"
        raise


def _without_foreign_keys(values: Mapping[str, Any], override: str) -> Mapping[str, Any]:
    """A recipe whose algorithm is about to become another: it keeps the keys that all algorithms have."""
    section, change = values.get("algorithm"), parse_override(override).get("algorithm")
    if not isinstance(section, Mapping) or not isinstance(change, Mapping):
        return values
    if change.get("type", section.get("type")) == section.get("type"):
        return values
    common = {key: value for key, value in section.items() if key in Algorithm.model_fields}
    return {**values, "algorithm": common}


def _named(labels: Labels) -> str:
    """Of letters, digits, dots, pluses and dashes alone, so that it is a folder's name anywhere."""
    parts = [f"seed{value}" if key == "seed" else str(value) for key, value in labels.items()]
    return "--".join(re.sub(r"[^\w.+]+", "-", part.lower(), flags=re.ASCII).strip("-.") for part in parts)


def _described(labels: Labels) -> str:
    return ", ".join(f"{key} {value}" for key, value in labels.items())
