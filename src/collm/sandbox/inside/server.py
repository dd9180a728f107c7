"""A slot: one warm interpreter that forks a fresh judge and runner for every program.

Two processes stay: the warden, which outlives the rest and clears up when the trainer is gone, and the
server, which only forks. Neither ever reads a program or a test.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import NoReturn

from . import confine, judge, kernel, seccomp, survey, sweep, wire
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
_PATIENCE = 0.5
_HIGHEST_FD = 256


def main(arguments: list[str]) -> NoReturn:
    """Run a slot that talks over standard input and output.

    Args:
        arguments: the limits as JSON, a folder to use and to remove in the end, and the names of
            the guards to do without, separated by commas.
    """
    limits, folder = Limits(**json.loads(arguments[0])), arguments[1]
    findings = survey.Findings(without=frozenset(arguments[2].split(",")))
    os.makedirs(folder, 0o700, exist_ok=True)
    os.environ.clear()
    _move_streams()
    _preload(PRELOADED.split())
    _watch(limits, folder, findings)


def _preload(names: Iterable[str]) -> None:
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


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


def _watch(limits: Limits, folder: str, findings: survey.Findings) -> NoReturn:
    """The warden: start the server, and when it or the trainer ends, kill and remove everything."""
    trainer = os.getppid()
    survey.leave_namespaces(findings)
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
    lives = True
    while not asked and os.getppid() == trainer and lives:
        select.select([bell], [], [], _PATIENCE)
        lives = os.waitpid(server, os.WNOHANG) == (0, 0)
    sweep.kill_all(group=server if lives else None)  # the number of one that was waited for may be another's
    sweep.remove(folder)
    os._exit(0)


def _adopt_orphans() -> None:
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)


def _serve(limits: Limits, folder: str, findings: survey.Findings) -> NoReturn:
    """The server: hold a judge and a runner ready, and clear up after each program."""
    kernel.die_with_parent()
    _adopt_orphans()
    os.setsid()
    around = survey.survey(limits, folder, findings)
    guards = findings.found + survey.rehearse(limits, around)
    expected = {"landlock": "Landlock", "seccomp": "system-call filter"}
    absent = [name for name in expected.values() if name not in guards]
    findings.missing += (name for name in absent if not any(m.startswith(name) for m in findings.missing))
    if around.other_user is not None and not survey.forecast(
        partial(survey.read_library_as, around.other_user)
    ):
        public = (name for name in sys.stdlib_module_names if not name.startswith("_"))
        _preload([*(name for name in public if name not in _HEAVY), *_SUBMODULES.split()])
    _tell("ready", ", ".join(guards), ", ".join(findings.missing))
    seccomp.warm_up(around.own_root)
    gc.collect()
    gc.freeze()
    while _turn(limits, around) != judge.HANGUP_STATUS:
        _tell("clean")
    os._exit(0)


def _tell(event: str, first: str = "", second: str = "") -> None:
    wire.send(OUTGOING, json.dumps([event, first, second]).encode())


def _turn(limits: Limits, around: confine.Surroundings) -> int:
    """One program from fork to broom; returns the judge's exit status."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            judge.play(INCOMING, OUTGOING, writer, limits, around)
        finally:
            os._exit(1)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    runner = int(os.read(reader, 16) or 0)
    os.close(reader)
    sweep.kill_all(runner or None)
    _renew(around.folder)
    return os.waitstatus_to_exitcode(status)


def _renew(folder: str) -> None:
    """Empty the private folder; it stays, since Landlock's rule and the mount are bound to it."""
    with suppress(OSError):
        os.unlink(folder)  # what a program put in its place, where nothing but its own user held it
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o700)
    sweep.clear(folder)
