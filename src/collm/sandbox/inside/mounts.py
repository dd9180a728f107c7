"""A file system of its own: the interpreter and the system's libraries, read-only, and one folder."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

from . import kernel

_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_FILES = ("/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_THIRD_PARTY = ("site-packages", "dist-packages")
_KEPT_FLAGS = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
_SAFE = kernel.MS_NOSUID | kernel.MS_NODEV


def standard_library() -> str:
    """The folder of the standard library; imports list it."""
    return os.path.dirname(os.__file__)


def readable() -> list[str]:
    """All that a program may read outside its folder: no third-party package, no file of the user."""
    paths = [path for path in _FILES if os.path.exists(path)]
    for folder in _SYSTEM:
        if os.path.isdir(folder) and not os.path.islink(folder):
            paths += (path for path in _children(folder) if not os.path.basename(path).startswith("python"))
    paths += (path for path in _children(standard_library()) if not path.endswith(_THIRD_PARTY))
    paths += (path for path in _children(os.path.join(sys.base_prefix, "lib")) if ".so" in path)
    return list(dict.fromkeys(paths))


def _children(folder: str) -> Iterator[str]:
    if os.path.isdir(folder):
        yield from (entry.path for entry in os.scandir(folder))


def build_root(mount_point: str, folder_mb: int) -> str:
    """Enter a new root, mounted on ``mount_point``; needs a mount namespace of its own.

    Returns:
        The private folder in it: a file system of its own too, and all that can be written.

    Raises:
        OSError: if the machine does not let us; the namespace is of no more use then.
    """
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", mount_point, "tmpfs", _SAFE, "size=4m,mode=755")
    for path in (*(path for path in _SYSTEM if os.path.islink(path)), *readable()):
        _show(path, mount_point + path)
    folder = _unused(mount_point)
    os.mkdir(mount_point + folder)
    options = f"size={folder_mb}m,nr_inodes=4096,mode=700"
    kernel.mount("tmpfs", mount_point + folder, "tmpfs", _SAFE | kernel.MS_NOEXEC, options)
    kernel.enter_root(mount_point)
    kernel.mount("none", "/", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _SAFE)
    return folder


def _unused(root: str) -> str:
    """A path that no file shown is below, wherever the interpreter lies."""
    name = "/program"
    while os.path.lexists(root + name):
        name += "_"
    return name


def _show(source: str, target: str) -> None:
    """Make ``source`` visible at ``target``, read-only; a link stays a link."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    kernel.mount(source, target, "", kernel.MS_BIND | kernel.MS_REC)
    device = stat.S_ISCHR(os.stat(source).st_mode)
    kept = os.statvfs(target).f_flag & (_KEPT_FLAGS if not device else _KEPT_FLAGS & ~kernel.MS_NODEV)
    nodev = 0 if device else kernel.MS_NODEV
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | nodev
    kernel.mount("none", target, "", flags | kept)
