"""Locks a freshly forked process in, with whatever the machine offers."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass

from . import kernel, landlock, seccomp
from .limits import Limits


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server found or built before it forks anything.

    Attributes:
        folder: the private folder of whichever program runs.
        own_root: the file system holds nothing but the interpreter and that folder, and bounds its size.
        landlock: a ruleset, or ``None``.
        filtered: whether to filter system calls.
        other_user: a user to become, if the server is root.
        namespace_pids: each program can have a process namespace of its own.
    """

    folder: str
    own_root: bool
    landlock: int | None
    filtered: bool
    other_user: int | None
    namespace_pids: bool


def confine(limits: Limits, around: Surroundings) -> list[str]:
    """Give up all that a program does not need; returns the names of the guards now in force.

    The limits always hold. Another guard that is missing is no error: the server reports it.
    """
    _bound(limits)
    guards = ["resource limits"]
    if around.other_user is not None:
        become(around.other_user)
        guards.append("unprivileged user")
    kernel.die_with_parent()
    if not kernel.LINUX:
        return guards
    kernel.hide()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.drop_capabilities()
    if around.landlock is not None and _works(lambda: landlock.restrict(around.landlock or 0)):
        guards.append("Landlock")
    if around.filtered and _works(lambda: seccomp.install(around.own_root)):
        guards.append("system-call filter")
    return guards


def _works(guard: Callable[[], None]) -> bool:
    try:
        guard()
    except OSError:
        return False
    return True


def _bound(limits: Limits) -> None:
    """Hard limits on what one process may use, without core dumps."""
    cpu = math.ceil(limits.total_seconds) + 1
    for kind, bound in (
        ("RLIMIT_AS", limits.memory_mb << 20),
        ("RLIMIT_CPU", cpu),
        ("RLIMIT_FSIZE", limits.file_kb << 10),
        ("RLIMIT_NOFILE", limits.open_files),
        ("RLIMIT_NPROC", limits.processes),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_MEMLOCK", 0),
        ("RLIMIT_MSGQUEUE", 0),
    ):
        number = getattr(resource, kind, None)
        if number is not None:
            _lower(number, bound)


def _lower(number: int, bound: int) -> None:
    _, hard = resource.getrlimit(number)
    value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    try:
        resource.setrlimit(number, (value, value))
    except (OSError, ValueError):  # macOS refuses some of them
        return


def become(user: int) -> None:
    """Turn from root into another user, for good."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
