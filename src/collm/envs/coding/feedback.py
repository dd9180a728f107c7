"""What an agent hears after a turn: four modes, in the paper's wording or the reference code's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from collm.envs.coding.replies.reading import Definition, Reading
from collm.sandbox import TestResult

FeedbackMode = Literal["level_feedback", "level_passed", "passed", "plain"]


@dataclass(frozen=True, slots=True)
class Wording:
    """What the two readings word differently.

    Attributes:
        opening: what level_feedback begins with.
        previous: what the other modes begin with.
        main: how main's function is named.
        complete: what is said of a function that is whole.
        fault: the message of a syntax error.
        failure: a test that failed.
        between: what stands between two misuses.
        revise: how level_feedback ends.
    """

    opening: Callable[[Review], Sequence[str]]
    previous: Callable[[Review], Sequence[str]]
    main: str
    complete: str
    fault: str
    failure: str
    between: str
    revise: str


@dataclass(frozen=True, slots=True)
class Review:
    """What is known after a turn, from the side of one agent.

    Attributes:
        agent: ``aux`` or ``main``.
        entry_point: the name of main's function.
        alone: there is no helper.
        tests: the label and the result of each test that feedback may speak of.
        prompts, replies: the agent's own, of every turn so far.
    """

    agent: str
    entry_point: str
    alone: bool
    wording: Wording
    reading: Reading
    tests: Sequence[tuple[str, TestResult]]
    prompts: Sequence[str]
    replies: Sequence[str]

    @property
    def function(self) -> str:
        return "aux" if self.agent == "aux" else self.entry_point

    @property
    def passed(self) -> int:
        return sum(result.passed for _, result in self.tests)


def level_feedback(review: Review) -> str:
    """The findings of the static analysis and of the tests, in full."""
    lines = [*review.wording.opening(review), "Static and execution diagnostics:", *_diagnostics(review), ""]
    return "\n".join([*lines, review.wording.revise.format(review.function)])


def level_passed(review: Review) -> str:
    """One signal for each level, without the details."""
    lines = ["Signals:", *(f"- {signal}" for signal in _signals(review))]
    return "\n".join([*review.wording.previous(review), *lines, "", _revise(review, "accordingly")])


def passed(review: Review) -> str:
    """One signal for all levels."""
    reading, total = review.reading, len(review.tests)
    every = reading.fault is None and bool(reading.main.source) and total > 0 and review.passed == total
    signal = "Signal: All levels passed" if every else "Signal: Not all levels passed"
    return "\n".join([*review.wording.previous(review), signal, "", _revise(review, "if needed")])


def plain(review: Review) -> str:
    """No signal at all."""
    return "\n".join([*review.wording.previous(review), _revise(review, "accordingly")])


MODES: dict[FeedbackMode, Callable[[Review], str]] = {
    "level_feedback": level_feedback,
    "level_passed": level_passed,
    "passed": passed,
    "plain": plain,
}


def _history(review: Review) -> Sequence[str]:
    """All prompts and replies so far, of which the reference repeats every one."""
    whose = "" if review.alone else "aux(...) " if review.agent == "aux" else "main "
    prompts = (f"- Turn {turn} prompt:\n{prompt}" for turn, prompt in enumerate(review.prompts, start=1))
    replies = (f"- Turn {turn} response:\n{reply}" for turn, reply in enumerate(review.replies, start=1))
    return [
        *("History: previous prompts:", *prompts, ""),
        *(f"History: your previous {whose}responses:", *replies, ""),
    ]


def _implementation(review: Review) -> Sequence[str]:
    """The agent's last function; in the paper's reading its history holds it already."""
    own = review.reading.aux if review.agent == "aux" else review.reading.main
    whose = "aux(...)" if review.agent == "aux" else "main"
    return [f"Your previous {whose} implementation:", own.source or "<no implementation found>", ""]


def _nothing(review: Review) -> Sequence[str]:
    return []


PAPER = Wording(
    opening=_nothing,
    previous=_nothing,
    main="Main function {}",
    complete="defined",
    fault="{message}",
    failure="- {label}\n  {error}: {message}",
    between="; ",
    revise="Revise your {} accordingly.",
)
REFERENCE = Wording(
    opening=_history,
    previous=_implementation,
    main="Main function ({})",
    complete="properly defined with return statement",
    fault="{message} (<unknown>, line {line})",
    failure="  Failed case: {label} -> {error}: {message}",
    between=", ",
    revise="Revise your {}(...) accordingly. Output ONLY the function code with no extra text.",
)


def _diagnostics(review: Review) -> Iterator[str]:
    reading = review.reading
    name = review.wording.main.format(review.entry_point)
    aux = f"- Aux definition: {_found(review, 'Aux function', reading.aux)}"
    main = f"- Main definition: {_found(review, name, reading.main)}"
    if review.alone:
        yield main
    else:
        yield from (aux, main) if review.agent == "aux" else (main, aux)
    yield from _syntax(review)
    yield from _tests(review)
    if review.agent == "main" and not review.alone and reading.main.complete:
        yield f"- Aux usage: {_usage(review)}"
        if reading.wrapper:
            yield "- Warning: main appears to be a thin wrapper over aux"


def _found(review: Review, title: str, definition: Definition) -> str:
    if definition.complete:
        return f"FOUND ({title} {review.wording.complete})"
    return f"MISSING ({title} {'missing return statement' if definition.source else 'not defined'})"


def _syntax(review: Review) -> Iterator[str]:
    fault = review.reading.fault
    if fault is None:
        yield "- Syntax: OK (Combined code syntax OK)"
        return
    message = review.wording.fault.format(message=fault.message, line=fault.line)
    yield f"- Syntax: ERROR (Combined code has syntax error: {message})"
    yield f"  SyntaxError at line {fault.line}, col {fault.column}: {fault.message}"


def _tests(review: Review) -> Iterator[str]:
    if not review.tests:
        yield "- Tests: no test cases found"
        return
    yield f"- Tests: {review.passed}/{len(review.tests)} passed"
    for label, result in review.tests:
        if not result.passed:
            yield review.wording.failure.format(label=label, error=result.error, message=result.message)


def _usage(review: Review) -> str:
    reading = review.reading
    if not reading.aux_called:
        return "main does NOT call aux"
    if reading.misuses:
        return f"called but misused ({review.wording.between.join(reading.misuses[:2])})"
    return "main calls aux and uses its result"


def _signals(review: Review) -> Iterator[str]:
    reading, total = review.reading, len(review.tests)
    own = reading.aux if review.agent == "aux" else reading.main
    yield f"Implementation: {'OK' if own.source else 'No implementation found in required structure'}"
    yield f"Syntax: {'Syntax correct' if reading.fault is None else 'Syntax not correct'}"
    if total == 0:
        yield "Tests: No tests found"
    elif review.passed == total:
        yield "Tests: Passed all tests"
    else:
        yield f"Tests: {f'Passed {review.passed}/{total} tests' if review.passed else 'No tests passed'}"
    if review.agent == "main" and not review.alone:
        yield f"Aux usage: {_usage_signal(reading)}"


def _usage_signal(reading: Reading) -> str:
    if not reading.main.source:
        return "Main missing; cannot check aux usage"
    if not reading.aux_called:
        return "Main does not call aux"
    return "Aux called but result not used properly" if reading.misuses else "Aux call present and used"


def _revise(review: Review, how: str) -> str:
    return f"Revise your {review.function}(...) {how}. Output ONLY the function code."
