"""The few Linux calls that Python does not offer, through ctypes."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys

LINUX = sys.platform == "linux"
MACHINE = platform.machine()

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 24, 36, 38
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` name for new ones."""
    _checked(_libc.unshare(flags))


def prctl(option: int, first: int = 0, second: object = 0) -> None:
    """Set one attribute of this process."""
    _checked(_libc.prctl(option, ctypes.c_ulong(first), second, 0, 0))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Attach a file system."""
    texts = [os.fsencode(text) for text in (source, target, kind, options)]
    _checked(_libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]))


def enter_root(folder: str) -> None:
    """Make ``folder``, a mount point, the root of the file system and let go of the old one."""
    os.chdir(folder)
    syscall(_PIVOT_ROOT[MACHINE], ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    _checked(_libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def syscall(number: int, *arguments: object) -> int:
    """Make a system call that libc does not wrap."""
    return _checked(int(_libc.syscall(ctypes.c_long(number), *arguments)))


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends."""
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def hide() -> None:
    """Keep other processes of the same user from this one's memory and open files, its children's too."""
    if LINUX:
        prctl(PR_SET_DUMPABLE, 0)


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))
