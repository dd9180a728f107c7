"""What other installed packages add, found through their entry points.

A package announces a class in its own ``pyproject.toml``, and once it is installed recipes can use the name::

    [project.entry-points."collm.environments"]
    duel = "their_package.duel:Duel"

The groups are ``collm.environments``, ``collm.algorithms``, ``collm.engines``, ``collm.protocols`` and
``collm.trackers``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from collm.errors import RAISED, CollmError


def installed_names(group: str) -> list[str]:
    """The names that other packages add to a group."""
    return sorted(entry_points(group=group).names)


def load_installed(name: str, group: str, where: str, *, shipped: bool) -> Any:
    """What another package calls ``name``; ``None`` if there is none.

    Args:
        name: the entry point's.
        group: such as ``collm.environments``.
        where: names the field in errors.
        shipped: whether this package has something of that name itself.

    Raises:
        CollmError: if the name is not unique, or importing what it stands for raises.
    """
    points = list(entry_points(group=group, name=name))
    owners = sorted({_package(point) for point in points} | ({"collm itself"} if shipped else set()))
    if points and len(owners) > 1:
        mend = "uninstall one of them, or name the class as module:Class."
        raise CollmError(where, f"{name!r} is given by {' and by '.join(owners)}.", mend)
    return _loaded(points[0], where) if points else None


def _loaded(point: EntryPoint, where: str) -> Any:
    try:
        return point.load()
    except RAISED as error:
        reason = f"{type(error).__name__}: {error}"
        problem = f"{point.name!r} of the package {_package(point)} ({point.value}) does not load: {reason}."
        raise CollmError(where, problem, "mend, update or uninstall that package.") from error


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
