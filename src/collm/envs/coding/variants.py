"""The two readings of the coding domain, each as one record: all that differs between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from collm.envs.coding import feedback, prompts, suite, suite_by_lines
from collm.envs.coding.feedback import Wording
from collm.envs.coding.problem import Problem
from collm.envs.coding.replies import paper, reference
from collm.envs.coding.replies.reading import Reading
from collm.envs.coding.suite import Suite
from collm.sandbox import TestResult

VariantName = Literal["paper", "reference"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One reading.

    Attributes:
        read: makes the joint program of main's and aux's replies; aux's is ``None`` for a single agent.
        collect: finds a problem's tests.
        must_judge: rows whose tests can find no function wrong are refused.
        ends_when_solved: an episode ends as soon as the task is solved.
        untested: the results of so many tests that do not run.
        first_prompt: what an agent reads first, given whether it is alone.
        later_prompt: what it reads after a turn, given the feedback.
        wording: how the feedback is worded.
        test_seconds, feedback_tests, raw_prompts: what options are that nobody set.
        threshold, threshold_alone: the same for ``termination_threshold``.
        slices: for datasets on the hub, the slices for training and for testing.
    """

    read: Callable[[Problem, str, str | None], Reading]
    collect: Callable[[Problem], Suite]
    must_judge: bool
    ends_when_solved: bool
    untested: Callable[[Reading, str, int], tuple[TestResult, ...]]
    first_prompt: Callable[[Problem, str, bool], str]
    later_prompt: Callable[[str, Problem, str, bool], str]
    wording: Wording
    test_seconds: float
    feedback_tests: int
    raw_prompts: bool
    threshold: float | None
    threshold_alone: float | None
    slices: Mapping[str, tuple[str, str]]


def _all_fail(reading: Reading, entry_point: str, count: int) -> tuple[TestResult, ...]:
    """Every test of a program that cannot even be loaded."""
    if reading.fault is not None:
        return (TestResult("failed", "SyntaxError", reading.fault.message),) * count
    return (TestResult("failed", "NameError", f"name '{entry_point}' is not defined"),) * count


def _none_if_faulty(reading: Reading, entry_point: str, count: int) -> tuple[TestResult, ...]:
    """The reference does not look for tests of a program that does not parse."""
    return () if reading.fault is not None else _all_fail(reading, entry_point, count)


def _feedback_alone(text: str, problem: Problem, agent: str, alone: bool) -> str:
    return text


_SLICES = {
    "openai/openai_humaneval": ("test[33:163]", "test[:32]"),
    "OpenMLRL/MBPP": ("test[15:65]", "test[:15]"),
}

VARIANTS: Mapping[VariantName, Variant] = {
    "paper": Variant(
        read=paper.read,
        collect=suite.collect,
        must_judge=True,
        ends_when_solved=True,
        untested=_all_fail,
        first_prompt=prompts.paper_prompt,
        later_prompt=_feedback_alone,
        wording=feedback.PAPER,
        test_seconds=8.0,
        feedback_tests=0,
        raw_prompts=False,
        threshold=None,
        threshold_alone=None,
        slices={**_SLICES, "OpenMLRL/CoopHumanEval": ("train[0:66]", "train[66:82]")},
    ),
    "reference": Variant(
        read=reference.read,
        collect=suite_by_lines.collect,
        must_judge=False,
        ends_when_solved=False,
        untested=_none_if_faulty,
        first_prompt=prompts.reference_prompt,
        later_prompt=prompts.reference_frame,
        wording=feedback.REFERENCE,
        test_seconds=10.0,
        feedback_tests=1,
        raw_prompts=True,
        threshold=-0.2,
        threshold_alone=-0.1,
        slices={**_SLICES, "OpenMLRL/CoopHumanEval": ("train[16:]", "train[:16]")},
    ),
}
