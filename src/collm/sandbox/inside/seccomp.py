"""A seccomp filter: system calls that are not on the list fail with EPERM.

No new processes, programs, sockets, tracing, mounts or shared memory, and no signal to anybody else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping
from functools import cache

from . import kernel
from .syscalls import CHANGES_FOLDERS, CHECKED, FREE, numbers

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_CLONE_THREAD = 0x10000
_PRCTL_HARMLESS = (15, 16, 0x53564D41)
_IOCTL_HARMLESS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_FCNTL_SIGNALS_OTHERS = (8, 10, 15)
_OPEN_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_FILTER_MODE = 2

Instruction = tuple[int, int, int, int]
_DENY: Instruction = (_RETURN, 0, 0, _FAIL | errno.EPERM)
_PERMIT: Instruction = (_RETURN, 0, 0, _ALLOW)


def program(machine: str, own_pid: int, may_write: bool) -> bytes:
    """The filter as BPF code.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        own_pid: the only process that may be signalled.
        may_write: whether files may be opened for writing and folders changed.
    """
    signals = {name: [_argument(0), *_one_of((own_pid,), _PERMIT), _DENY] for name in ("kill", "tgkill")}
    start: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *_dispatch(signals, machine),
    ]
    return _packed(start) + _common(machine, may_write)


@cache
def _common(machine: str, may_write: bool) -> bytes:
    """All of the filter that is the same in every process."""
    bodies = {name: _checks(name, may_write) for name in CHECKED_BY_VALUE}
    free = list(numbers(FREE, machine).values())
    if may_write:
        free += numbers(CHANGES_FOLDERS, machine).values()
    return _packed([*_dispatch(bodies, machine), *_search(_edges(sorted(free)))])


def _packed(code: list[Instruction]) -> bytes:
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _dispatch(bodies: Mapping[str, list[Instruction]], machine: str) -> list[Instruction]:
    known = numbers(CHECKED, machine)
    present = [(known[name], body) for name, body in bodies.items() if name in known]
    return [step for number, body in present for step in ((_EQUAL, 0, len(body), number), *body)]


def _edges(allowed: list[int]) -> list[tuple[int, Instruction]]:
    """Where the verdict changes as the call's number grows, and to what; it starts with a denial."""
    runs, edges = set(allowed), list[tuple[int, Instruction]]()
    for number in allowed:
        if number - 1 not in runs:
            edges.append((number, _PERMIT))
        if number + 1 not in runs:
            edges.append((number + 1, _DENY))
    return edges


def _search(edges: list[tuple[int, Instruction]], below: Instruction = _DENY) -> list[Instruction]:
    """A binary search for the last edge that is not above the call's number."""
    if not edges:
        return [below]
    middle = len(edges) // 2
    number, verdict = edges[middle]
    left, right = _search(edges[:middle], below), _search(edges[middle + 1 :], verdict)
    return [(_AT_LEAST, len(left), 0, number), *left, *right]


CHECKED_BY_VALUE = ("openat", "open", "ioctl", "fcntl", "clone", "clone3", "prctl", "prlimit64")


def _checks(name: str, may_write: bool) -> list[Instruction]:
    """Instructions that decide one call; each list ends in a return."""
    if name == "clone3":
        return [(_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    if name == "clone":
        return [_argument(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), _PERMIT, _DENY]
    if name in ("open", "openat"):
        flags = _argument(1 if name == "open" else 2)
        return [_PERMIT] if may_write else [flags, (_ANY_BIT, 1, 0, _OPEN_FOR_WRITING), _PERMIT, _DENY]
    if name == "fcntl":
        return [_argument(1), *_one_of(_FCNTL_SIGNALS_OTHERS, _DENY), _PERMIT]
    position, values = {"prlimit64": (0, (0,)), "prctl": (0, _PRCTL_HARMLESS), "ioctl": (1, _IOCTL_HARMLESS)}[
        name
    ]
    return [_argument(position), *_one_of(values, _PERMIT), _DENY]


def _argument(position: int) -> Instruction:
    """Load the low half of an argument; all those checked here are 32 bits wide."""
    return (_LOAD, 0, 0, 16 + 8 * position)


def _one_of(values: tuple[int, ...], verdict: Instruction) -> list[Instruction]:
    return [step for value in values for step in ((_EQUAL, 0, 1, value), verdict)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def install(may_write: bool) -> None:
    """Filter this process for good; needs no_new_privs.

    Raises:
        OSError: if the kernel or the machine is not supported.
    """
    if not kernel.LINUX or kernel.MACHINE not in _ARCHITECTURE:
        raise OSError(errno.ENOSYS, f"no filter for {kernel.MACHINE}")
    code = program(kernel.MACHINE, os.getpid(), may_write)
    filter_ = _Program(len(code) // 8, code)
    kernel.prctl(kernel.PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(filter_))


def warm_up(may_write: bool) -> None:
    """Write the common part of the filter once, for all processes that are still to be forked."""
    if kernel.MACHINE in _ARCHITECTURE:
        _common(kernel.MACHINE, may_write)
