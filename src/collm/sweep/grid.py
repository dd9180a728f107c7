"""The file of a grid: domains, methods, seeds and other axes, every key checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from collm.base.settings import Settings
from collm.base.validation import validated
from collm.base.yaml_text import read_yaml
from collm.config.sections import EvaluationConfig, Seed
from collm.errors import AbsentError, CollmError

Overrides = tuple[str, ...]
"""Settings as on the command line, such as ``training.max_updates=5``."""


class Method(Settings):
    """What a method changes.

    Attributes:
        recipe: in the place of the domain's.
        set: settings laid on the recipe. Where they name another ``algorithm.type``, the recipe's algorithm
            keeps the keys that all algorithms have.
    """

    recipe: str | None = None
    set: Overrides = ()


class Domain(Settings):
    """A task that every method learns.

    Attributes:
        recipe: a shipped one's name, or a file.
        set: settings laid on the recipe.
        methods: what a method changes here, laid on what it changes everywhere.
    """

    recipe: str
    set: Overrides = ()
    methods: dict[str, Method] = Field(default_factory=dict)


class Grid(Settings):
    """Every domain with every method and seed, and every value of the other axes.

    Attributes:
        domains: by the name that tables give them.
        methods: that train, by name.
        plays: protocols by which untrained teams play, by name: settings with a ``type``.
        seeds: of each cell.
        axes: further ones: axis, value's name, settings.
        set: settings laid on every recipe.
        evaluation: how teams are played once they are trained, and those that are not; ``None`` leaves
            trained teams with their run's own evaluation.
        batch: episodes of such an evaluation that play together.
    """

    domains: Annotated[dict[str, Domain], Field(min_length=1)]
    methods: dict[str, Method] = Field(default_factory=dict)
    plays: dict[str, dict[str, Any]] = Field(default_factory=dict)
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    axes: dict[str, dict[str, Overrides]] = Field(default_factory=dict)
    set: Overrides = ()
    evaluation: EvaluationConfig | None = None
    batch: int = Field(default=16, ge=1)


def read_grid(file: Path) -> Grid:
    """Read a grid's file.

    Raises:
        AbsentError: if there is none.
        CollmError: naming the file and the field that does not fit.
    """
    if not file.is_file():
        raise AbsentError(str(file), "there is no such file.", "name the YAML file of a grid.")
    values = read_yaml(file)
    if not isinstance(values, dict):
        mend = "write domains, methods and seeds, as docs/sweep.md shows."
        raise CollmError(str(file), "a grid is a mapping.", mend)
    try:
        grid = validated(Grid, values)
        _check(grid)
    except CollmError as error:
        error.place_in(str(file))
        raise
    return grid


def _check(grid: Grid) -> None:
    """Test what no field can tell by itself."""
    if not grid.methods and not grid.plays:
        raise CollmError("methods", "there is nothing to run.", "name a method, or a protocol below plays.")
    if len(set(grid.seeds)) < len(grid.seeds):
        raise CollmError("seeds", "a seed is given twice.", "name each seed once.")
    for name, domain in grid.domains.items():
        unknown = sorted(domain.methods.keys() - grid.methods.keys())
        if unknown:
            mend = f"name it below methods too; there are {', '.join(grid.methods) or 'none'}."
            raise CollmError(f"domains.{name}.methods.{unknown[0]}", "no such method.", mend)
    for place, settings in _settings(grid):
        if any(setting.partition("=")[0] == "seed" for setting in settings):
            raise CollmError(place, "each cell's own seed would replace this.", "write it below seeds.")
    for name, axis in grid.axes.items():
        if not axis:
            raise CollmError(f"axes.{name}", "the axis has no value.", "name one, or leave the axis out.")
        if name in RESERVED:
            raise CollmError(f"axes.{name}", "this is an axis of every grid.", "choose another name.")


def _settings(grid: Grid) -> Iterator[tuple[str, Overrides]]:
    """Every list of settings, with its field."""
    yield "set", grid.set
    for domain, where in grid.domains.items():
        yield f"domains.{domain}.set", where.set
        yield from ((f"domains.{domain}.methods.{name}.set", one.set) for name, one in where.methods.items())
    yield from ((f"methods.{name}.set", method.set) for name, method in grid.methods.items())
    for name, axis in grid.axes.items():
        yield from ((f"axes.{name}.{value}", settings) for value, settings in axis.items())


RESERVED = ("domain", "method", "seed")
"""The labels that every cell has."""
