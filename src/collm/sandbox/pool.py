"""A pool of slots that programs are graded in, shared by whoever asks for the same configuration."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, get_args

from collm.errors import InfrastructureError
from collm.sandbox.config import SandboxConfig
from collm.sandbox.inside.limits import Limits
from collm.sandbox.program import Outcome, Program, TestResult, Verdict
from collm.sandbox.slot import Report, Slot, SlotDiedError, SlotLateError

_logger = logging.getLogger("collm.sandbox")
_OUTCOMES: dict[str, Outcome] = {name: name for name in get_args(Outcome)}
_ALWAYS = "time limits, killed as a group, empty environment, private folder, judged apart"
_WALLS = ("user namespaces", "file system of its own", "unprivileged user", "Landlock")
_OPEN = "programs run as you and can reach your files and this very process: use the container backend"


class Pool:
    """Slots that start when first needed. Any thread may grade; a slow program costs its own slot alone."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._idle: queue.LifoQueue[Slot | None] = queue.LifoQueue()
        for _ in range(config.num_slots):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._open: set[Slot] = set()
        self._guards = ""
        self._announced = False

    def grade(self, program: Program) -> Verdict:
        """Run one program and judge it.

        Raises:
            InfrastructureError: if the sandbox itself fails twice in a row, or the tests' own code does.
        """
        trial = _Trial(program, self._config.limits)
        for attempts_left in (1, 0):
            try:
                while not trial.over:
                    with self._slot() as slot:
                        trial.attempt(slot)
                break
            except SlotDiedError as error:
                if attempts_left == 0:
                    raise InfrastructureError(f"the sandbox broke: {error}") from None
        return trial.verdict()

    def grade_many(self, programs: Sequence[Program]) -> list[Verdict]:
        """Grade programs side by side, as many at a time as there are slots; results are in their order."""
        with ThreadPoolExecutor(max_workers=self._config.num_slots) as threads:
            return list(threads.map(self.grade, programs))

    def guards(self) -> str:
        """One line that says what keeps programs in on this machine; starts a slot if none has started."""
        self._announced = True
        if not self._guards:
            with self._slot():
                pass
        return self._guards

    def close(self) -> None:
        """End all slots; programs that are being graded fail with an infrastructure error."""
        with self._lock:
            slots, self._open = self._open, set()
        for slot in slots:
            slot.close()

    @contextmanager
    def _slot(self) -> Iterator[Slot]:
        """A clean slot of one's own; a slot that dies is replaced at the next need."""
        slot, kept = self._idle.get(), None
        try:
            if slot is None or slot.closed:
                slot = self._start()
            yield slot
            kept = None if slot.closed else slot
        finally:
            if kept is None and slot is not None:
                self._put_away(slot)
            self._idle.put(kept)

    def _start(self) -> Slot:
        slot = Slot(self._config)
        with self._lock:
            self._open.add(slot)
            announced, self._announced = self._announced, True
            self._guards = self._describe(slot)
        if not announced:
            _logger.log(logging.WARNING if slot.missing else logging.INFO, self._guards)
        return slot

    def _put_away(self, slot: Slot) -> None:
        with self._lock:
            self._open.discard(slot)
        slot.close()

    def _describe(self, slot: Slot) -> str:
        text = f"sandbox ({self._config.backend}): {_ALWAYS}, {slot.guards}"
        if slot.missing:
            text += f"; missing on this machine: {slot.missing}"
        apart = self._config.backend == "container" or any(wall in slot.guards for wall in _WALLS)
        return text if apart else f"{text}; {_OPEN}"


class _OutOfTurnError(Exception):
    """A report that no judge makes at that point."""


class _Trial:
    """One program on its way through as many attempts as its broken tests cost."""

    def __init__(self, program: Program, limits: Limits) -> None:
        self._program, self._limits = program, limits
        self._deadline: float | None = None
        self._results: list[TestResult] = []
        self._breaks = 0
        self._stage: Literal["", "begun", "loaded"] = ""
        self._loaded = True

    @property
    def over(self) -> bool:
        return len(self._results) >= self._program.num_tests

    def verdict(self) -> Verdict:
        return Verdict(tuple(self._results), self._loaded)

    def attempt(self, slot: Slot) -> None:
        """Judge the tests that are left, up to the first one that breaks the program.

        Raises:
            SlotDiedError: if the slot breaks for a reason of its own.
        """
        if self._deadline is None:  # waiting for a slot does not count
            self._deadline = time.monotonic() + self._limits.total_seconds
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            self._fill(TestResult("skipped", "TimeoutError", "the program's total time is up"))
            return
        done, self._stage = len(self._results), ""
        try:
            for report in slot.attempt(self._job(), seconds):
                self._take(report)
        except _OutOfTurnError:
            slot.close()
            if self._stage:
                self._fail_all("the program forged reports")
        except SlotLateError:
            if not self._stage:
                raise
            self._take_late()
        if not self._stage:
            slot.close()
            raise SlotDiedError("the judge did not begin")
        if self._stage == "begun" and not self.over:
            self._fail_load("RuntimeError", "the judge ended while the program was loading")
        self._count_break(done)

    def _job(self) -> dict[str, object]:
        return {
            "code": self._program.code,
            "entry_point": self._program.entry_point,
            "alias": self._program.alias,
            "preamble": self._program.preamble,
            "steps": [(step.source, step.is_test) for step in self._program.steps],
            "start": len(self._results),
        }

    def _take(self, report: Report) -> None:
        """Note what the judge says, in the only order in which it can say it.

        Raises:
            InfrastructureError: if the tests' own code fails.
        """
        event, error, message = report[0], _one_line(report[1]), _one_line(report[2])
        match self._stage, event:
            case "", "unprepared":
                raise InfrastructureError(f"the tests' own code fails: {error}: {message}")
            case "", "begun":
                self._stage = "begun"
            case "begun", "loaded":
                self._stage = "loaded"
            case "begun", "unloadable" if not self.over:
                self._fail_load(error, message)
            case "loaded", _ if event in _OUTCOMES and not self.over:
                self._results.append(TestResult(_OUTCOMES[event], error, message))
            case _:
                raise _OutOfTurnError

    def _take_late(self) -> None:
        if self._stage == "begun":
            self._fail_load("TimeoutError", "loading did not end")
        elif not self.over:
            self._results.append(TestResult("timeout", "TimeoutError", "the test did not end"))

    def _fail_all(self, why: str) -> None:
        self._results = []
        self._fill(TestResult("failed", "RuntimeError", why))

    def _fail_load(self, error: str, message: str) -> None:
        self._loaded = False
        self._fill(TestResult("failed", error, message))

    def _count_break(self, done: int) -> None:
        """Note that an attempt ended early; too many of that and the other tests fail unseen."""
        if self.over:
            return
        if len(self._results) == done or self._results[-1].outcome not in ("timeout", "crashed"):
            self._results.append(TestResult("crashed", "RuntimeError", "the test's own process ended"))
        self._breaks += 1
        if self._breaks >= self._limits.max_breaks:
            self._fill(TestResult("skipped", "RuntimeError", "too many tests timed out or ended the program"))

    def _fill(self, result: TestResult) -> None:
        self._results += [result] * (self._program.num_tests - len(self._results))


def _one_line(text: str) -> str:
    """Text that any tokenizer and any prompt can take."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


_pools: dict[SandboxConfig, Pool] = {}
_pools_lock = threading.Lock()


def shared_pool(config: SandboxConfig) -> Pool:
    """The pool of a configuration in this process; it is closed when the process ends."""
    with _pools_lock:
        return _pools.setdefault(config, Pool(config))


@atexit.register
def close_pools() -> None:
    """End every pool of this process."""
    with _pools_lock:
        pools = list(_pools.values())
        _pools.clear()
    for each in pools:
        each.close()


def _forget_pools() -> None:
    """A forked child must not talk to its parent's slots."""
    global _pools_lock
    _pools_lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
