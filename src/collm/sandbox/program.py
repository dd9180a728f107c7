"""What goes into the sandbox and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "timeout", "crashed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a test suite.

    Attributes:
        source: Python source; it calls the program by its alias.
        is_test: whether it counts as a test, or only prepares the next ones.
    """

    source: str
    is_test: bool = True


@dataclass(frozen=True, slots=True)
class Program:
    """Code that a model wrote, and the tests to judge it by.

    Attributes:
        code: the untrusted module.
        entry_point: the name of its function under test.
        steps: the tests, in order. They share one namespace, into which the code never comes.
        preamble: trusted source that runs before the steps.
        alias: a name by which the steps call the function, besides its own.
    """

    code: str
    entry_point: str
    steps: tuple[Step, ...]
    preamble: str = ""
    alias: str = "candidate"

    @property
    def num_tests(self) -> int:
        return sum(step.is_test for step in self.steps)


@dataclass(frozen=True, slots=True)
class TestResult:
    """How one test went.

    Attributes:
        outcome: ``crashed``: the program ended in the test; ``skipped``: too many tests broke before.
        error: the name of the exception, empty if the test passed.
        message: its text on one line, cut short.
    """

    __test__ = False

    outcome: Outcome
    error: str = ""
    message: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one program: one result for each test, in order."""

    results: tuple[TestResult, ...]
    loaded: bool = True

    @property
    def passed(self) -> int:
        return sum(result.passed for result in self.results)

    @property
    def timeouts(self) -> int:
        return sum(result.outcome == "timeout" for result in self.results)

    @property
    def all_passed(self) -> bool:
        """Whether there are tests and all of them passed."""
        return bool(self.results) and self.passed == len(self.results)
