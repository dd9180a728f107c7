"""Writes skeletons that run at once: a new environment with its tests, or a task of rows and a reward."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from collm.errors import CollmError

Templates = Mapping[str, str]
"""The files to write, by the template of each below ``assets``."""

_ENVIRONMENT: Templates = {
    "new_env/environment.py.txt": "{name}.py",
    "new_env/test.py.txt": "test_{name}.py",
    "new_env/recipe.yaml.txt": "{name}.yaml",
}
_TASK: Templates = {
    "new_task/rows.csv.txt": "{name}.csv",
    "new_task/reward.py.txt": "{name}.py",
    "new_task/recipe.yaml.txt": "{name}.yaml",
}


def new_environment(name: str, folder: Path) -> list[Path]:
    """Write a runnable, tested skeleton.

    Args:
        name: the module's name and the environment's type.
        folder: where the files go; created if need be.

    Returns:
        The module, its tests and the recipe.

    Raises:
        CollmError: if the name does not fit or a file lies there already. Nothing is written then.
    """
    return _write(_ENVIRONMENT, name, folder)


def new_task(name: str, folder: Path) -> list[Path]:
    """Write a runnable task of one turn.

    Args:
        name: the module's name.
        folder: where the files go; created if need be.

    Returns:
        The rows as CSV, the module with the reward function, and the recipe.

    Raises:
        CollmError: if the name does not fit or a file lies there already. Nothing is written then.
    """
    return _write(_TASK, name, folder)


def _write(templates: Templates, name: str, folder: Path) -> list[Path]:
    _check_name(name)
    written = {template: folder / file.format(name=name) for template, file in templates.items()}
    for path in written.values():
        if path.exists():
            raise CollmError(str(path), "this file exists.", "choose another name or --out.")
    folder.mkdir(parents=True, exist_ok=True)
    for template, path in written.items():
        path.write_text(_filled(template, name), encoding="utf-8")
    return list(written.values())


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise CollmError(f"NAME {name}", "not a name for a module.", "use small letters, digits and _.")
    if name == "__main__" or importlib.util.find_spec(name) is not None:
        raise CollmError(f"NAME {name}", "there is a module of that name.", "choose another.")


def _filled(template: str, name: str) -> str:
    return _text(template).replace("{name}", name).replace("{Class}", _class_name(name))


def _class_name(name: str) -> str:
    """The module's name as a class has it, or with ``My`` before it where that is no name or taken."""
    title = "".join(part.capitalize() for part in name.split("_"))
    taken = {word for template in _ENVIRONMENT for word in re.findall(r"\w+", _text(template))}
    return (
        title
        if title.isidentifier() and title not in taken and not keyword.iskeyword(title)
        else f"My{title}"
    )


@cache
def _text(template: str) -> str:
    return files("collm").joinpath("assets", template).read_text(encoding="utf-8")
