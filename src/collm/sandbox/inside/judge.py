"""The process in which the tests run. No code of the model ever runs here, only its plain answers arrive.

The judge forks the runner before it reads the program and its tests, so that nothing of them is in the
runner's memory. Whatever the runner sends is a value that its function could have returned as well.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import reprlib
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn

from . import kernel, plain, runner, wire
from .confine import Surroundings, confine
from .limits import Limits

JOB_LIMIT = 64 << 20
ANSWER_OVERHEAD = 4096
HANGUP_STATUS = 3
DESCRIBE, IN_PLACE = "__describe__", "__in_place__"
_NO_ANSWER = "the program sent something that is not an answer"
_NOT_REBUILT = (StopIteration, StopAsyncIteration, UnicodeError, BaseExceptionGroup)


class SpoiledTestError(BaseException):
    """The test asked for something that cannot pass the wall; it fails even if it catches this."""


def play(incoming: int, outgoing: int, pid_pipe: int, limits: Limits, around: Surroundings) -> NoReturn:
    """Fork the runner, then read one program, judge it, report each test, and end."""
    os.setsid()
    os.dup2(0, 2)
    mine, theirs = socket.socketpair()
    channel, other = mine.detach(), theirs.detach()
    if around.namespace_pids:
        kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        _become_runner(other, limits, around)
    os.close(other)
    os.write(pid_pipe, str(pid).encode())
    confine(limits, around)
    try:
        job = json.loads(wire.receive(incoming, JOB_LIMIT))
    except wire.ClosedError:
        os._exit(HANGUP_STATUS)
    random.seed(0)
    Judge(job, channel, outgoing, limits, time.monotonic() + job["seconds"]).run()
    os._exit(0)


def _become_runner(channel: int, limits: Limits, around: Surroundings) -> NoReturn:
    try:
        os.setsid()
        os.chdir(around.folder)
        random.seed(0)
        confine(limits, around)
        os.dup2(channel, 3)
        os.closerange(4, limits.open_files + 256)
        runner.serve(3, limits)
    finally:
        os._exit(1)


@dataclass(slots=True)
class Judge:
    """Runs the tests of one job against the runner at the other end of ``channel``.

    Attributes:
        job: ``code``, ``entry_point``, ``alias`` (another name that tests call it by), ``preamble``,
            ``steps`` as pairs of source and whether it is a test, ``start`` as the number of tests that
            are already judged.
        deadline: when the program's total time is up, on the monotonic clock.
        spoiled: why the test at hand has failed whatever it does next.
    """

    job: dict[str, Any]
    channel: int
    outgoing: int
    limits: Limits
    deadline: float
    spoiled: str | None = None
    loading: bool = True
    namespace: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Load the program, then report every test from ``start`` on.

        After ``begun``, all that is late or ends early is the program's doing.
        """
        signal.signal(signal.SIGALRM, lambda *_: self._stop("timeout", "TimeoutError", self._out_of_time))
        if not self._prepare():
            return
        self._report("begun")
        if self._load():
            self.loading = False
            self._judge_steps()

    @property
    def _seconds(self) -> float:
        return min(self.limits.test_seconds, max(0.01, self.deadline - time.monotonic()))

    @property
    def _out_of_time(self) -> str:
        return f"not done within {self.limits.test_seconds:g} s, or within the program's total time"

    def _prepare(self) -> bool:
        """Run the dataset's own code that the tests build on."""
        self.namespace |= {
            "__name__": "tests",
            "__builtins__": builtins,
            DESCRIBE: describe,
            IN_PLACE: lambda *args, **kwargs: self._ask(runner.CALL_IN_PLACE, args, kwargs),
            self.job["alias"]: lambda *args, **kwargs: self._ask(runner.CALL, args, kwargs),
        }
        candidate = self.namespace[self.job["alias"]]
        try:
            exec(compile(self.job["preamble"], "<preamble>", "exec", dont_inherit=True), self.namespace)
        except BaseException as error:
            self._report("unprepared", type(error).__name__, str(error))
            return False
        self.namespace |= {self.job["alias"]: candidate, self.job["entry_point"]: candidate}
        return True

    def _load(self) -> bool:
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            loaded = self._exchange(
                (runner.LOAD, self.job["code"], self.job["entry_point"]), runner.CODE_LIMIT
            )
            if loaded != (None, None):
                self._stop("crashed", "RuntimeError", _NO_ANSWER)
        except (Exception, SpoiledTestError) as error:
            self._report("unloadable", type(error).__name__, str(error))
            return False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._report("loaded")
        return True

    def _judge_steps(self) -> None:
        """Run all steps in order; a preparation that fails takes every later test down with it."""
        seen, broken = 0, None
        for source, is_test in self.job["steps"]:
            skip = is_test and seen < self.job["start"]
            seen += is_test
            if skip:
                continue
            failure = broken or self._execute(source)
            if not is_test:
                broken = failure
            elif failure is None:
                self._report("passed")
            else:
                self._report("failed", *failure)

    def _execute(self, source: str) -> tuple[str, str] | None:
        self.spoiled = None
        failure = None
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            exec(compile(source, "<test>", "exec", dont_inherit=True), self.namespace)
        except BaseException as error:
            failure = type(error).__name__, _message(error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return failure if self.spoiled is None else ("TypeError", self.spoiled)

    def _ask(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, changed = self._exchange((kind, list(args), kwargs), self.limits.value_bytes)
        for before, after in zip(args, changed or (), strict=False):
            _replace_content(before, after)
        return value

    def _exchange(self, request: tuple[Any, ...], limit: int) -> tuple[Any, list[Any] | None]:
        """Send a request to the runner and return the value it answers with, or raise what it raised."""
        try:
            data = plain.encode(request, limit)
        except plain.NotPlainError as error:
            self._spoil(f"{error} cannot enter the sandbox")
        try:
            wire.send(self.channel, data)
            answer = wire.receive(self.channel, self.limits.value_bytes + ANSWER_OVERHEAD)
            kind, first, second = _checked(plain.decode(answer))
        except wire.ClosedError:
            self._stop("crashed", "RuntimeError", "the program ended before it answered")
        except (wire.TooLargeError, plain.MalformedError):
            self._stop("crashed", "RuntimeError", _NO_ANSWER)
        if kind == runner.ODD:
            self._spoil(f"the program returned {first}, which is not plain data")
        if kind == runner.RAISED:
            raise _rebuilt(first, second)
        return first, second

    def _spoil(self, reason: str) -> NoReturn:
        self.spoiled = reason
        raise SpoiledTestError(reason)

    def _stop(self, outcome: str, error: str, message: str) -> NoReturn:
        """Report the test at hand and end; the server clears everything away."""
        self._report("unloadable" if self.loading else outcome, error, message)
        os._exit(0)

    def _report(self, event: str, error: str = "", message: str = "") -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        text = json.dumps([event, error, message[: runner.MESSAGE_LIMIT]])
        wire.send(self.outgoing, text.encode())


def describe(left: Any, right: Any) -> str:
    """Why an equality does not hold."""
    return f"expected {_short(right)}, got {_short(left)}"


def _short(value: Any) -> str:
    printer = reprlib.Repr()
    printer.maxstring = printer.maxother = printer.maxlong = 80
    printer.maxlist = printer.maxtuple = printer.maxset = printer.maxfrozenset = printer.maxdict = 12
    try:
        return printer.repr(value)
    except Exception:
        return f"a {type(value).__name__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _checked(answer: Any) -> tuple[str, Any, Any]:
    """Three fields of the right types.

    Raises:
        MalformedError: for anything else.
    """
    match answer:
        case (runner.VALUE, value, None):
            return runner.VALUE, value, None
        case (runner.VALUE, value, list() as changed):
            return runner.VALUE, value, changed
        case (runner.ODD, str() as reason):
            return runner.ODD, reason, None
        case (runner.RAISED, list() as names, str() as message) if names and all(
            type(n) is str for n in names
        ):
            return runner.RAISED, names, message
    raise plain.MalformedError("not an answer")


def _rebuilt(names: list[str], message: str) -> Exception:
    """An exception of the raised one's name, so that tests can catch it by its built-in base."""
    base: type[Exception] = Exception
    for name in names:
        cls = getattr(builtins, name, None)
        if isinstance(cls, type) and issubclass(cls, Exception) and not issubclass(cls, _NOT_REBUILT):
            base = cls
            break
    name = names[0] if names[0].isidentifier() else "Exception"
    kind: type[Exception] = type(name[:60], (base,), {"__str__": lambda _: message})
    return kind(message)


def _replace_content(before: Any, after: Any) -> None:
    """Make a mutable argument equal to what the program left of its copy."""
    if type(before) is not type(after):
        return
    if isinstance(before, (list, bytearray)):
        before[:] = after
    elif isinstance(before, (dict, set)):
        before.clear()
        before.update(after)
