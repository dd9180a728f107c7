"""What the trainer makes of a judge's reports, with a slot that says what the test wants."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Literal, cast

import pytest

from collm.errors import InfrastructureError
from collm.sandbox import Limits, Program, SandboxConfig, Step, Verdict
from collm.sandbox.pool import Pool
from collm.sandbox.slot import MALFORMED, Report, Slot, SlotDiedError, SlotLateError, _report
from collm.sandbox.trial import Trial

PROGRAM = Program("def f(x): return x", "f", (Step("assert candidate(1)"),) * 2)


class FakeSlot:
    """Yields reports, then falls silent if it is ``late``."""

    def __init__(self, *events: str, late: bool = False) -> None:
        self.reports: list[Report] = [(event, "", "") for event in events]
        self.late, self.closed = late, False

    def attempt(self, job: dict[str, object], seconds: float) -> Iterator[Report]:
        yield from self.reports
        if self.late:
            raise SlotLateError("late")

    def close(self) -> None:
        self.closed = True


def judged(slot: FakeSlot) -> Verdict:
    trial = Trial(PROGRAM, Limits(max_breaks=1))
    trial.attempt(cast(Slot, slot))
    assert trial.over
    return trial.verdict()


def test_the_judges_reports_become_results() -> None:
    verdict = judged(FakeSlot("begun", "loaded", "passed", "failed"))
    assert [result.outcome for result in verdict.results] == ["passed", "failed"]


@pytest.mark.parametrize("late", [False, True])
def test_a_judge_that_ends_or_hangs_while_it_loads_the_program_is_a_failed_load(late: bool) -> None:
    verdict = judged(FakeSlot("begun", late=late))
    assert not verdict.loaded
    assert [result.outcome for result in verdict.results] == ["failed", "failed"]


def test_a_judge_that_hangs_in_a_test_is_a_timeout() -> None:
    verdict = judged(FakeSlot("begun", "loaded", "passed", late=True))
    assert [result.outcome for result in verdict.results] == ["passed", "timeout"]


@pytest.mark.parametrize("late", [False, True])
def test_a_judge_that_never_begins_is_the_sandboxs_fault(late: bool) -> None:
    with pytest.raises(SlotDiedError):
        judged(FakeSlot(late=late))


@pytest.mark.parametrize(
    "events",
    [
        ["begun", "loaded", "passed", "passed", "failed"],
        ["begun", "passed", "passed"],
        ["begun", "loaded", "loaded", "passed", "passed"],
        ["begun", "loaded", "passed", "passed", "unprepared"],
        ["begun", "unloadable", "passed"],
        ["begun", "loaded", "triumphed"],
        ["begun", "loaded", "malformed"],
    ],
    ids=" ".join,
)
def test_reports_that_no_judge_makes_fail_every_test_and_cost_the_slot(events: list[str]) -> None:
    slot = FakeSlot(*events)
    assert [result.outcome for result in judged(slot).results] == ["failed", "failed"]
    assert slot.closed


def test_reports_before_the_beginning_are_left_over_from_another_program() -> None:
    slot = FakeSlot("passed", "begun")
    with pytest.raises(SlotDiedError):
        judged(slot)
    assert slot.closed


def test_tests_that_do_not_prepare_are_nobodys_zero() -> None:
    with pytest.raises(InfrastructureError):
        judged(FakeSlot("unprepared"))


@pytest.mark.parametrize("data", [b"", b"7", b"[1, 2, 3]", b'["passed", ""]', b"[" * 60000, b"\xff"])
def test_what_is_no_report_is_malformed(data: bytes) -> None:
    assert _report(data) == MALFORMED


@pytest.mark.parametrize(
    ("backend", "found", "told"),
    [
        ("process", "resource limits, system-call filter", True),
        ("process", "resource limits, Landlock", False),
        ("process", "process and user namespaces", False),
        ("container", "resource limits", False),
    ],
)
def test_guards_that_leave_programs_in_the_users_place_say_so(
    backend: Literal["process", "container"], found: str, told: bool
) -> None:
    slot = SimpleNamespace(guards=found, missing="")
    line = Pool(SandboxConfig(backend=backend))._describe(cast(Slot, slot))
    assert ("programs run as you" in line) is told
