"""Finds out which guards the machine has, and builds those that all programs of a slot share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from . import confine, kernel, landlock, mounts
from .limits import Limits

NOBODY = 65534
FIRST_USER = 0x70000000
"""Far from the users of people, services and containers; a warden's process number comes on top."""
_NAMESPACES = (
    ("network namespace", kernel.CLONE_NEWNET),
    ("message-queue namespace", kernel.CLONE_NEWIPC),
    ("host-name namespace", kernel.CLONE_NEWUTS),
)


@dataclass(slots=True)
class Findings:
    """Which guards the machine turns out to have."""

    without: frozenset[str]
    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    own_pids: bool = False
    other_user: int | None = None

    def attempt(self, kind: str, name: str, action: Callable[[], object]) -> bool:
        """Try to set up a guard of a kind; note under ``name`` whether it worked."""
        try:
            if kind in self.without:
                raise OSError(0, "switched off")
            action()
        except OSError as error:
            self.missing.append(f"{name} ({error.strerror or error})")
            return False
        self.found.append(name)
        return True


def leave_namespaces(findings: Findings) -> None:
    """Put the server, still to be forked, into a process namespace; as root, name a user to become."""
    root = os.geteuid() == 0
    user = _spare_user() if root else None
    if root and forecast(_new_pids):
        findings.own_pids = findings.attempt("namespaces", "process namespace", _new_pids)
    else:
        findings.own_pids = findings.attempt("namespaces", "process and user namespaces", _new_user_and_pids)
        root = root and not findings.own_pids
    if root:
        findings.other_user = user


def _spare_user() -> int | None:
    """A user that this slot alone becomes, as the kernel counts threads by user; else the one they share."""
    users = (FIRST_USER + os.getpid(), NOBODY)
    return next((user for user in users if forecast(partial(confine.become, user))), None)


def _new_pids() -> None:
    kernel.unshare(kernel.CLONE_NEWPID)


def _new_user_and_pids() -> None:
    if not kernel.LINUX:
        raise OSError(0, "not Linux")
    if not forecast(_map_user):
        raise OSError(0, "the machine does not allow it")
    _map_user()


def _map_user() -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def forecast(action: Callable[[], object]) -> bool:
    """Whether an action that cannot be undone works, tried out in a child."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def survey(limits: Limits, folder: str, findings: Findings) -> confine.Surroundings:
    """Build all guards that are set up once and shared by the programs to come."""
    if findings.own_pids:
        for name, flag in _NAMESPACES:
            findings.attempt("namespaces", name, partial(kernel.unshare, flag))
    else:
        findings.missing += ["network namespace", "file system of its own"]
    roots: list[str] = []
    if findings.own_pids:
        findings.attempt("mounts", "file system of its own", lambda: roots.append(_new_root(folder, limits)))
    home = roots[0] if roots else _make_home(folder)
    if findings.other_user is not None:
        os.chown(home, findings.other_user, findings.other_user)
    rulesets: list[int] = []
    findings.attempt("landlock", "Landlock", lambda: rulesets.append(_ruleset(roots)))
    findings.found = [name for name in findings.found if name != "Landlock"]
    return confine.Surroundings(
        folder=home,
        own_root=bool(roots),
        landlock=rulesets[0] if rulesets else None,
        filtered="seccomp" not in findings.without,
        other_user=findings.other_user,
        namespace_pids=findings.own_pids and forecast(_new_pids),
    )


def _make_home(folder: str) -> str:
    """The private folder where the slot's own folder is all there is; nobody but us writes beside it."""
    os.chmod(folder, 0o711)
    os.mkdir(home := f"{folder}/program", 0o700)
    return home


def _ruleset(bounded: list[str]) -> int:
    """Programs write only where a file system of its own bounds how much."""
    return landlock.ruleset(mounts.readable(), [mounts.standard_library()], bounded)


def read_library_as(user: int) -> None:
    """Fails where the interpreter lies in a private folder, so that programs could import nothing."""
    confine.become(user)
    os.close(os.open(os.__file__, os.O_RDONLY))


def _new_root(folder: str, limits: Limits) -> str:
    if not kernel.LINUX:
        raise OSError(0, "not Linux")
    kernel.unshare(kernel.CLONE_NEWNS)
    return mounts.build_root(folder, limits.folder_mb)


def rehearse(limits: Limits, around: confine.Surroundings) -> list[str]:
    """Lock a child in and have it say which guards it found in force."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(confine.confine(limits, around)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with open(reader, "rb") as file:
        return list(json.loads(file.read()))
