"""Finds algorithms and environments by name, so that adding one touches a single file or package."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from collm.base.installed import installed_names, load_installed
from collm.base.validation import validated
from collm.errors import RAISED, CollmError


@cache
def discover(package: str, base: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Import every module below ``package``; return its concrete subclasses of ``base`` by ``type``."""
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        importlib.import_module(module.name)
    classes: dict[str, type[BaseModel]] = {}
    stack = list(base.__subclasses__())
    while stack:
        cls = stack.pop()
        stack.extend(cls.__subclasses__())
        name = cls.model_fields["type"].default
        if isinstance(name, str) and cls.__module__.startswith(package):
            classes[name] = cls
    return dict(sorted(classes.items()))


def listed(known: Mapping[str, type[BaseModel]]) -> str:
    """The names for an error to offer, without those that are ``internal``."""
    return ", ".join(name for name, cls in known.items() if not getattr(cls, "internal", False))


def load_object(path: str, where: str) -> Any:
    """Import ``module:attribute``, looking in the current folder too.

    Raises:
        CollmError: if the module or the attribute does not exist, or importing it raises.
    """
    module_name, _, attribute = path.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except RAISED as error:
        problem = f"cannot import module {module_name!r}: {type(error).__name__}: {error}."
        absent = isinstance(error, ModuleNotFoundError) and module_name.startswith(error.name or "?")
        mend = "correct the module, or install what it needs."
        if absent:
            mend = f"run from the folder that holds {module_name}.py, or put that folder on PYTHONPATH."
        raise CollmError(where, problem, mend) from error
    if not attribute or not hasattr(module, attribute):
        problem = f"module {module_name!r} has no attribute {attribute!r}."
        raise CollmError(where, problem, "write it as module:name, with a name the module defines.")
    return getattr(module, attribute)


def resolve(
    name: str, package: str, base: type[BaseModel], where: str, group: str | None = None
) -> type[BaseModel]:
    """Return the class that ships or is installed as ``name``, or the one that ``module:Class`` points to.

    Args:
        name: of the class.
        package: whose modules hold the shipped ones.
        base: what it must be a subclass of.
        where: names the field in errors.
        group: of the entry points of other packages; called as ``package`` by default.

    Raises:
        CollmError: if there is no such class, it is not a ``base``, or two packages have one of that name.
    """
    if ":" in name:
        return _checked(load_object(name, where), name, base, where)
    known, group = discover(package, base), group or package
    other = load_installed(name, group, where, shipped=name in known)
    if other is not None:
        return _checked(other, name, base, where)
    if name not in known:
        others = [installed for installed in installed_names(group) if installed not in known]
        names = ", ".join(filter(None, [listed(known), *others]))
        mend = f"use one of {names}, or module:Class for your own."
        raise CollmError(where, f"unknown type {name!r}.", mend)
    return known[name]


def made(
    config: Any, base: type[BaseModel], what: str, where: str, package: str, group: str | None = None
) -> Any:
    """A plug-in from its settings, the class by their ``type`` as :func:`resolve` finds it.

    Args:
        config: the section; ``type`` is a name or ``module:Class``.
        base: what the plug-in is an instance of.
        what: what errors call it.
        where: names the section in errors.
        package, group: as :func:`resolve` has them.

    Raises:
        CollmError: if no type is named, it is unknown, a key does not belong to it, or a value does not fit.
    """
    if not (isinstance(config, Mapping) and isinstance(config.get("type"), str)):
        mend = f"set it to one of {listed(discover(package, base))}."
        raise CollmError(f"{where}.type", f"no {what} is named.", mend)
    cls = resolve(config["type"], package, base, f"{where}.type", group)
    plugin = validated(cls, {**config, "type": cls.model_fields["type"].default}, where)
    assert isinstance(plugin, base)
    return plugin


def _checked(cls: Any, name: str, base: type[BaseModel], where: str) -> type[BaseModel]:
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise CollmError(where, f"{name} is not a subclass of {base.__name__}.", "name a class that is.")
    absent = sorted(getattr(cls, "__abstractmethods__", ()))
    if absent:
        raise CollmError(where, f"{name} lacks {', '.join(absent)}.", "define what the protocol asks for.")
    if not isinstance(cls.model_fields["type"].default, str):
        mend = "give the class a name of its own, such as type: Literal['mine'] = 'mine'."
        raise CollmError(where, f"{name} has no type.", mend)
    return cls


def type_of(plugin: Any) -> str:
    """The ``type`` that finds a plug-in's class again: its name, or ``module:Class`` if it is not ours."""
    cls = type(plugin)
    ours = cls.__module__.startswith("collm.")
    return str(plugin.type) if ours else f"{cls.__module__}:{cls.__qualname__}"
