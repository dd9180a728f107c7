"""Tries rows before any reply is judged by them: a fault of theirs is never a reward of 0."""

from __future__ import annotations

from functools import lru_cache

from collm.envs.coding.problem import Problem
from collm.envs.coding.suite import Suite
from collm.errors import CollmError, InfrastructureError
from collm.sandbox import Program, SandboxConfig, Step, TestResult, Verdict, grade

_EASY = Program("def f(n):\n    return n\n", "f", (Step("assert f(1) == 1"),))
_STAND_IN = "def {}(*args, **kwargs):\n    raise NotImplementedError\n"
_LEAVES = ("SystemExit", "KeyboardInterrupt", "GeneratorExit")


def check_tests(problem: Problem, suite: Suite, sandbox: SandboxConfig, where: str) -> None:
    """Run a row's tests on a function that raises at once; what hangs or exits then is their own doing.

    Raises:
        CollmError: naming the row and its task, or a setting of the sandbox with which nothing passes.
    """
    if not suite.labels or not _starts(sandbox):
        return  # nothing runs here, which notices tell
    program = Program(
        _STAND_IN.format(suite.entry_point), suite.entry_point, suite.steps, suite.preamble, suite.alias
    )
    try:
        results = _graded(program, sandbox).results
    except InfrastructureError as error:
        raise _refused(problem, where, f"what its tests build on does not run: {error}.") from None
    for label, result in zip(suite.labels, results, strict=True):
        if result.outcome not in ("passed", "failed") or result.error in _LEAVES:
            raise _refused(problem, where, f"its own test '{label}' hangs or exits: {_shown(result)}.")


def _refused(problem: Problem, where: str, why: str) -> CollmError:
    mend = "correct the row, or leave it out."
    return CollmError(f"{where}.test", f"task {problem.id!r} can judge no program: {why}", mend)


@lru_cache(maxsize=64)
def _starts(sandbox: SandboxConfig) -> bool:
    """Whether programs can run here."""
    try:
        return grade(_EASY, sandbox).loaded
    except InfrastructureError:
        return False


@lru_cache(maxsize=4096)
def _graded(program: Program, sandbox: SandboxConfig) -> Verdict:
    return grade(program, sandbox)


def _shown(result: TestResult) -> str:
    return f"{result.error}: {result.message}" if result.message else result.error
