"""Landlock: the kernel lets this process touch only the files it was shown (Linux 5.13 and later)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from . import kernel

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_QUERY, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def version() -> int:
    """The kernel's Landlock version.

    Raises:
        OSError: if the kernel has none.
    """
    if not kernel.LINUX:
        raise OSError("not Linux")
    return kernel.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_QUERY))


def ruleset(readable: Iterable[str], listable: Iterable[str], writable: Iterable[str]) -> int:
    """A file descriptor that stands for: read, list or do anything below these paths, touch no others.

    Raises:
        OSError: if the kernel has no Landlock.
    """
    everything = _rights(version())
    handled = ctypes.c_uint64(everything)
    fd = kernel.syscall(_CREATE, ctypes.byref(handled), ctypes.c_size_t(8), ctypes.c_uint32(0))
    for path in readable:
        _allow(fd, path, _READ)
    for path in listable:
        _allow(fd, path, _READ_DIR)
    for path in writable:
        _allow(fd, path, everything)
    return fd


def restrict(fd: int) -> None:
    """Apply a ruleset to this process and its children, for good; needs no_new_privs."""
    kernel.syscall(_RESTRICT, ctypes.c_int(fd), ctypes.c_uint32(0))


def _rights(version: int) -> int:
    """All file rights that a kernel of this version can handle: 13, then REFER, then TRUNCATE."""
    return (1 << (13 + min(version, 3) - 1)) - 1


def _allow(fd: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ON_FILES
    rule = _PathBeneath(rights, target)
    try:
        kernel.syscall(_ADD_RULE, ctypes.c_int(fd), _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(target)
