"""Shipped recipes: YAML files, one for each experiment. This module finds and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collm.base.yaml_text import read_yaml
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.config.tree import RunConfig

_ROOT = Path(str(files("collm").joinpath("recipes")))


def shipped() -> dict[str, Path]:
    """The shipped recipes by name, such as ``demo`` or ``housebuild/collm_cc``."""
    return {str(path.relative_to(_ROOT).with_suffix("")): path for path in sorted(_ROOT.rglob("*.yaml"))}


def describe(path: Path) -> str:
    """A recipe's first comment line."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("#").strip()


def load_recipe(name: str, overrides: Sequence[str] = (), *, learns: bool = True) -> RunConfig:
    """Read a YAML file or a shipped recipe, apply ``key.path=value`` overrides, check everything.

    ``learns=False`` allows settings under which nothing is learned, for evaluation.

    Raises:
        CollmError: if there is no such recipe, it is not YAML, or the result does not fit.
    """
    from collm.config.overrides import overridden  # not above: the recipes are listed without it
    from collm.config.tree import make_config

    path = find(name)
    return make_config(overridden(read_recipe(path), overrides), name, learns=learns)


def find(name: str) -> Path:
    """The file behind a recipe's name.

    Raises:
        CollmError: if there is none.
    """
    if Path(name).is_file():
        return Path(name)
    known = shipped()
    if _short(name) not in known:
        mend = f"give a YAML file or one of {', '.join(known)}."
        raise CollmError(name, "no such recipe.", mend)
    return known[_short(name)]


def is_recipe(name: str) -> bool:
    """Whether there is a recipe of that name; a file is one."""
    return Path(name).is_file() or _short(name) in shipped()


def _short(name: str) -> str:
    """A shipped recipe's name, also where it was written as its path in the repository."""
    return name.removeprefix("recipes/").removesuffix(".yaml")


def run_name(name: str) -> str:
    """What to call a run of a recipe: its file's name, or its own with dashes."""
    if Path(name).is_file():
        path = Path(name).resolve()
        shipped_as = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else Path(path.name)
    else:
        shipped_as = Path(name.removeprefix("recipes/"))
    return "-".join(shipped_as.with_suffix("").parts)


def read_recipe(path: Path) -> dict[str, Any]:
    """What a recipe's file says, unchecked.

    Raises:
        CollmError: if it is not YAML, or no mapping.
    """
    values = read_yaml(path)
    if not isinstance(values, Mapping):
        raise CollmError(
            str(path), "a recipe is a mapping of sections.", "collm recipes --show demo prints a whole one."
        )
    return dict(values)
