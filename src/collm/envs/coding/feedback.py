"""What an agent hears after a turn: four modes, in the paper's wording or the reference code's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from collm.envs.coding.reading import Definition, Reading, Variant
from collm.sandbox import TestResult

FeedbackMode = Literal["level_feedback", "level_passed", "passed", "plain"]


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
    variant: Variant
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
    reference = review.variant == "reference"
    lines = list(_history(review)) if reference else []
    lines += ["Static and execution diagnostics:", *_diagnostics(review), ""]
    revise = f"Revise your {review.function}{'(...)' if reference else ''} accordingly."
    lines.append(f"{revise} Output ONLY the function code with no extra text." if reference else revise)
    return "\n".join(lines)


def level_passed(review: Review) -> str:
    """One signal for each level, without the details."""
    lines = ["Signals:", *(f"- {signal}" for signal in _signals(review))]
    return "\n".join([*_previous(review), *lines, "", _revise(review, "accordingly")])


def passed(review: Review) -> str:
    """One signal for all levels."""
    reading, total = review.reading, len(review.tests)
    every = reading.fault is None and bool(reading.main.source) and total > 0 and review.passed == total
    signal = "All levels passed" if every else "Not all levels passed"
    return "\n".join([*_previous(review), f"Signal: {signal}", "", _revise(review, "if needed")])


def plain(review: Review) -> str:
    """No signal at all."""
    return "\n".join([*_previous(review), _revise(review, "accordingly")])


MODES: dict[FeedbackMode, Callable[[Review], str]] = {
    "level_feedback": level_feedback,
    "level_passed": level_passed,
    "passed": passed,
    "plain": plain,
}


def _history(review: Review) -> Iterator[str]:
    yield "History: previous prompts:"
    for turn, prompt in enumerate(review.prompts, start=1):
        yield f"- Turn {turn} prompt:\n{prompt}"
    yield ""
    whose = "aux(...)" if review.agent == "aux" else "main"
    yield f"History: your previous {whose} responses:"
    for turn, reply in enumerate(review.replies, start=1):
        yield f"- Turn {turn} response:\n{reply}"
    yield ""


def _diagnostics(review: Review) -> Iterator[str]:
    reading = review.reading
    aux = f"- Aux definition: {_found(review, 'Aux function', reading.aux)}"
    main = f"- Main definition: {_found(review, f'Main function ({review.entry_point})', reading.main)}"
    if review.alone:
        yield main
    else:
        yield from (aux, main) if review.agent == "aux" else (main, aux)
    yield from _syntax(reading)
    yield from _tests(review)
    if review.agent == "main" and not review.alone and reading.main.complete:
        yield f"- Aux usage: {_usage(reading)}"
        if reading.wrapper:
            yield "- Warning: main appears to be a thin wrapper over aux"


def _found(review: Review, title: str, definition: Definition) -> str:
    if review.variant == "paper":
        title = title.replace("(", "").replace(")", "")
    if definition.complete:
        how = "defined" if review.variant == "paper" else "properly defined with return statement"
        return f"FOUND ({title} {how})"
    return f"MISSING ({title} {'missing return statement' if definition.source else 'not defined'})"


def _syntax(reading: Reading) -> Iterator[str]:
    fault = reading.fault
    if fault is None:
        yield "- Syntax: OK (Combined code syntax OK)"
        return
    yield f"- Syntax: ERROR (Combined code has syntax error: {fault.message})"
    yield f"  SyntaxError at line {fault.line}, col {fault.column}: {fault.message}"


def _tests(review: Review) -> Iterator[str]:
    if not review.tests:
        yield "- Tests: no test cases found"
        return
    yield f"- Tests: {review.passed}/{len(review.tests)} passed"
    for label, result in review.tests:
        if result.passed:
            continue
        if review.variant == "reference":
            yield f"  Failed case: {label} -> {result.error}: {result.message}"
        else:
            yield f"- {label}\n  {result.error}: {result.message}"


def _usage(reading: Reading) -> str:
    if not reading.aux_called:
        return "main does NOT call aux"
    if reading.misuses:
        return f"called but misused ({'; '.join(reading.misuses[:2])})"
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


def _previous(review: Review) -> list[str]:
    """The agent's last implementation; in the paper's reading its history holds it already."""
    if review.variant == "paper":
        return []
    own = review.reading.aux if review.agent == "aux" else review.reading.main
    whose = "aux(...)" if review.agent == "aux" else "main"
    return [f"Your previous {whose} implementation:", own.source or "<no implementation found>", ""]


def _revise(review: Review, how: str) -> str:
    return f"Revise your {review.function}(...) {how}. Output ONLY the function code."
