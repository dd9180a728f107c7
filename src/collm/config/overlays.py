"""Settings that go together, laid on any recipe by ``with=NAME``: what a card of some size asks for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from collm.base.yaml_text import read_yaml
from collm.errors import CollmError

KEY = "with"
"""What an override names instead of a section to lay a whole file of settings on a recipe."""

_ROOT = Path(str(files("collm").joinpath("assets", "overlays")))


def overlays() -> dict[str, Path]:
    """The shipped ones by name, such as ``80gb``."""
    return {path.stem: path for path in sorted(_ROOT.glob("*.yaml"))}


def overlay(name: Any, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of that name; those of a critic only where the recipe has one that is a model.

    Args:
        name: of a shipped overlay, or a YAML file of one's own.
        recipe: what they will be laid on.

    Raises:
        CollmError: if there are none of that name, or they are no mapping of sections.
    """
    path = Path(str(name)) if Path(str(name)).is_file() else overlays().get(str(name))
    if path is None:
        mend = f"give a YAML file or one of {', '.join(overlays())}."
        raise CollmError(f"{KEY}={name}", "no such settings.", mend)
    values = read_yaml(path)
    if not isinstance(values, Mapping):
        raise CollmError(str(path), "it must be a mapping of sections.", "write it as a part of a recipe.")
    critic = recipe.get("critic")
    fits = isinstance(critic, Mapping) and "trunk" not in critic
    return {key: value for key, value in values.items() if key != "critic" or fits}
