"""A slot: one warm interpreter that forks a fresh judge and runner for every program.

Two processes stay: the warden, which outlives the rest and clears up when the trainer is gone, and the
server, which only forks. Neither ever reads a program or a test.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from . import confine, judge, kernel, landlock, mounts, seccomp, sweep, wire
from .limits import Limits

PRELOADED = """
abc array ast bisect cmath collections contextlib copy dataclasses datetime decimal enum fractions functools
gc hashlib heapq inspect io itertools json keyword math numbers operator os queue random re statistics string
struct sys textwrap threading time traceback types typing unicodedata
"""
"""What programs are likely to import; anything else of the standard library is read when asked for."""

_SUBMODULES = """
concurrent.futures.process concurrent.futures.thread email.message html.parser importlib.resources
logging.handlers multiprocessing.pool unittest.mock urllib.parse xml.etree.ElementTree
"""
_HEAVY = {"antigravity", "idlelib", "lib2to3", "this", "tkinter", "turtle", "turtledemo"}

INCOMING, OUTGOING = 3, 4
NOBODY = 65534
FIRST_USER = 0x70000000
"""Far from the users of people, services and containers; a warden's process number comes on top."""
_PATIENCE = 0.5
_HIGHEST_FD = 256
_NAMESPACES = (
    ("network namespace", kernel.CLONE_NEWNET),
    ("message-queue namespace", kernel.CLONE_NEWIPC),
    ("host-name namespace", kernel.CLONE_NEWUTS),
)


def main(arguments: list[str]) -> NoReturn:
    """Run a slot that talks over standard input and output.

    Args:
        arguments: the limits as JSON, a folder to use and to remove in the end, and the names of
            the guards to do without, separated by commas.
    """
    limits, folder = Limits(**json.loads(arguments[0])), arguments[1]
    findings = Findings(without=frozenset(arguments[2].split(",")))
    os.makedirs(folder, 0o700, exist_ok=True)
    os.environ.clear()
    _move_streams()
    _preload(PRELOADED.split())
    _watch(limits, folder, findings)


def _preload(names: Iterable[str]) -> None:
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


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


def _move_streams() -> None:
    """Keep the trainer's streams out of reach of ``print`` and friends."""
    incoming, outgoing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    spare = [os.dup(fd) for fd in (incoming, outgoing)]
    os.dup2(null, 0)
    os.dup2(null, 1)
    for fd, place in zip(spare, (INCOMING, OUTGOING), strict=True):
        os.dup2(fd, place, inheritable=False)
    os.closerange(OUTGOING + 1, _HIGHEST_FD)


def _watch(limits: Limits, folder: str, findings: Findings) -> NoReturn:
    """The warden: start the server, and when it or the trainer ends, kill and remove everything."""
    trainer = os.getppid()
    _leave_namespaces(findings)
    _adopt_orphans()
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    kernel.hide()  # not earlier: a process that hides cannot write the files above
    server = os.fork()
    if server == 0:
        try:
            _serve(limits, folder, findings)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.closerange(INCOMING, _HIGHEST_FD)
    bell, ringer = os.pipe()
    os.set_blocking(ringer, False)
    signal.set_wakeup_fd(ringer)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while not asked and os.getppid() == trainer and os.waitpid(server, os.WNOHANG) == (0, 0):
        select.select([bell], [], [], _PATIENCE)
    sweep.kill_all(own_namespace=False, group=server)
    sweep.remove(folder)
    os._exit(0)


def _adopt_orphans() -> None:
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def _leave_namespaces(findings: Findings) -> None:
    """Put the server, still to be forked, into a process namespace; as root, name a user to become."""
    root = os.geteuid() == 0
    user = _spare_user() if root else None
    if root and _forecast(_new_pids):
        findings.own_pids = findings.attempt("namespaces", "process namespace", _new_pids)
    else:
        findings.own_pids = findings.attempt("namespaces", "process and user namespaces", _new_user_and_pids)
        root = root and not findings.own_pids
    if root:
        findings.other_user = user


def _spare_user() -> int | None:
    """A user that this slot alone becomes, as the kernel counts threads by user; else the one they share."""
    users = (FIRST_USER + os.getpid(), NOBODY)
    return next((user for user in users if _forecast(partial(confine.become, user))), None)


def _new_pids() -> None:
    kernel.unshare(kernel.CLONE_NEWPID)


def _new_user_and_pids() -> None:
    if not kernel.LINUX:
        raise OSError(0, "not Linux")
    if not _forecast(_map_user):
        raise OSError(0, "the machine does not allow it")
    _map_user()


def _map_user() -> None:
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _forecast(action: Callable[[], object]) -> bool:
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


def _serve(limits: Limits, folder: str, findings: Findings) -> NoReturn:
    """The server: hold a judge and a runner ready, and clear up after each program."""
    kernel.die_with_parent()
    _adopt_orphans()
    os.setsid()
    around = _survey(limits, folder, findings)
    guards = findings.found + _rehearse(limits, around)
    expected = {"landlock": "Landlock", "seccomp": "system-call filter"}
    absent = [name for name in expected.values() if name not in guards]
    findings.missing += (name for name in absent if not any(m.startswith(name) for m in findings.missing))
    if around.other_user is not None and not _forecast(partial(_read_library_as, around.other_user)):
        public = (name for name in sys.stdlib_module_names if not name.startswith("_"))
        _preload([*(name for name in public if name not in _HEAVY), *_SUBMODULES.split()])
    _tell("ready", ", ".join(guards), ", ".join(findings.missing))
    seccomp.warm_up(around.writes_contained)
    gc.collect()
    gc.freeze()
    numbers = itertools.count()
    while _turn(next(numbers), limits, around, findings.own_pids) != judge.HANGUP_STATUS:
        _tell("clean")
    os._exit(0)


def _tell(event: str, first: str = "", second: str = "") -> None:
    wire.send(OUTGOING, json.dumps([event, first, second]).encode())


def _survey(limits: Limits, folder: str, findings: Findings) -> confine.Surroundings:
    """Build all guards that are set up once and shared by the programs to come."""
    if findings.own_pids:
        for name, flag in _NAMESPACES:
            findings.attempt("namespaces", name, partial(kernel.unshare, flag))
    else:
        findings.missing += ["network namespace", "file system of its own"]
    own_root = findings.own_pids and findings.attempt(
        "mounts", "file system of its own", lambda: _new_root(folder, limits)
    )
    inside = mounts.FOLDER if own_root else folder
    os.chmod(inside, 0o711)
    rulesets: list[int] = []
    findings.attempt("landlock", "Landlock", lambda: rulesets.append(_ruleset(inside)))
    findings.found = [name for name in findings.found if name != "Landlock"]
    return confine.Surroundings(
        folder=inside,
        own_root=own_root,
        landlock=rulesets[0] if rulesets else None,
        landlock_version=landlock.version() if rulesets else 0,
        filtered="seccomp" not in findings.without,
        other_user=findings.other_user,
        namespace_pids=findings.own_pids and _forecast(_new_pids),
    )


def _ruleset(folder: str) -> int:
    return landlock.ruleset(mounts.readable(), [mounts.standard_library()], [folder])


def _read_library_as(user: int) -> None:
    """Fails where the interpreter lies in a private folder, so that programs could import nothing."""
    confine.become(user)
    os.close(os.open(os.__file__, os.O_RDONLY))


def _new_root(folder: str, limits: Limits) -> None:
    if not kernel.LINUX:
        raise OSError(0, "not Linux")
    kernel.unshare(kernel.CLONE_NEWNS)
    mounts.build_root(folder, limits.folder_mb)


def _rehearse(limits: Limits, around: confine.Surroundings) -> list[str]:
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


def _turn(number: int, limits: Limits, around: confine.Surroundings, own_pids: bool) -> int:
    """One program from fork to broom; returns the judge's exit status."""
    folder = f"{around.folder}/{number}"
    os.mkdir(folder, 0o700)
    if around.other_user is not None:
        os.chown(folder, around.other_user, around.other_user)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            judge.play(INCOMING, OUTGOING, writer, folder, limits, around)
        finally:
            os._exit(1)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    runner = int(os.read(reader, 16) or 0)
    os.close(reader)
    sweep.kill_all(own_pids, runner or None)
    sweep.clear(around.folder)
    return os.waitstatus_to_exitcode(status)
