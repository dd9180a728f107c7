"""Leaves no process and no file behind, whatever a program did to hide them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def kill_all(group: int | None = None) -> None:
    """Kill and reap every descendant of this process, and nobody else.

    The first process of a namespace has no others in it, and the kernel kills them in one go.

    Args:
        group: a process group of a child not yet waited for, to kill first; all that can be done without
            a namespace or ``/proc``.
    """
    if group is not None and group > 1:  # 1 would mean everybody
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    while True:
        for pid in [-1] if os.getpid() == 1 else _children():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass  # the dead of a chain of processes would hide its one living link for long
        except ChildProcessError:
            return


def _children() -> list[int]:
    """The processes whose parent is this one; orphans of descendants count, if it is a subreaper."""
    if not _proc_is_ours():
        return []
    with suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == os.getpid()]


def _proc_is_ours() -> bool:
    """Whether ``/proc`` counts processes as we do, and not as a namespace around ours does."""
    with suppress(OSError):
        return os.readlink("/proc/self") == str(os.getpid())
    return False


def _parent(pid: str) -> int | None:
    with suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])
    return None


def remove(folder: str) -> None:
    """Delete a folder and all that a program put there; no error if it cannot be done."""
    clear(folder)
    with suppress(OSError):
        os.rmdir(folder)


def clear(folder: str) -> None:
    """Empty a folder, however deep a program nested or locked its own folders.

    Walks up and down by descriptors, so that neither the path's length nor the recursion limit matters.
    """
    with suppress(OSError):
        here, names = os.open(folder, _FOLDER), list[str]()
        while (inner := _empty(here)) is not None or names:
            if inner is not None:
                with suppress(OSError):
                    os.chmod(inner, 0o700, dir_fd=here)
                names.append(inner)
                here = _moved(here, inner)
            else:
                here = _moved(here, "..")
                os.rmdir(names.pop(), dir_fd=here)
        os.close(here)


def _empty(here: int) -> str | None:
    """Delete the files of a folder; returns the name of a folder in it, if there is one."""
    with os.scandir(here) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                return entry.name
            os.unlink(entry.name, dir_fd=here)
    return None


def _moved(here: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=here)
    finally:
        os.close(here)
