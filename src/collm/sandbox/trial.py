"""What the trainer makes of a judge's reports: one program from its first attempt to its verdict."""

from __future__ import annotations

import time
from typing import Literal, get_args

from collm.errors import InfrastructureError
from collm.sandbox.inside.limits import Limits
from collm.sandbox.program import Outcome, Program, TestResult, Verdict
from collm.sandbox.slot import Report, Slot, SlotDiedError, SlotLateError

_OUTCOMES: dict[str, Outcome] = {name: name for name in get_args(Outcome)}


class _OutOfTurnError(Exception):
    """A report that no judge makes at that point."""


class Trial:
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
