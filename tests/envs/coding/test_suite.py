from __future__ import annotations

import textwrap

import pytest

from collm.envs.coding import suite_by_lines
from collm.envs.coding.problem import Problem
from collm.envs.coding.suite import collect
from collm.sandbox import Program, SandboxConfig, Step, grade

SANDBOX = SandboxConfig(slots=1)


def problem(test: str, prompt: str = 'def f(x):\n    """Do it."""\n') -> Problem:
    return Problem("t", prompt, textwrap.dedent(test), "f")


def outcomes(test: str, code: str, prompt: str = "def f(x):\n    pass\n") -> list[bool]:
    suite = collect(problem(test, prompt))
    verdict = grade(Program(code, "f", suite.steps, suite.preamble, suite.alias), SANDBOX)
    assert len(verdict.results) == len(suite.labels)
    return [result.passed for result in verdict.results]


INCREMENT = "def f(x): return x + 1"


def test_every_assert_is_a_test() -> None:
    test = """
    def check(candidate):
        assert candidate(1) == 2
        assert candidate(2) == 2, "no"
        assert candidate(0) == 1 and candidate(3) == 4
    """
    assert outcomes(test, INCREMENT) == [True, False, True]


def test_asserts_may_span_lines_and_stand_in_loops() -> None:
    test = """
    def check(candidate):
        assert [
            candidate(x)
            for x in (1, 2)
        ] == [2, 3]
        for x in range(3):
            y = candidate(x)
            assert y == x + 1
        for x in range(3):
            assert candidate(x) == x
    """
    assert outcomes(test, INCREMENT) == [True, True, False]


def test_asserts_may_speak_of_results_that_were_kept() -> None:
    test = """
    def check(candidate):
        result = candidate(1)
        seen = []
        seen.append(candidate(2))
        assert result == 2
        assert seen == [4]
        assert True, "says nothing about the candidate"
    """
    assert outcomes(test, INCREMENT) == [True, False]


def test_tests_may_bring_their_own_helpers() -> None:
    test = """
    LIMIT = 1e-6
    def close(a, b):
        assert abs(a - b) < LIMIT
    def check(candidate):
        def both(x):
            assert candidate(x) == x + 1
        close(candidate(0.5), 1.5)
        close(candidate(0.5), 1.6)
        both(1)
        for x, y in [(1, 2), (2, 3)]:
            close(candidate(x), y)
    """
    assert outcomes(test, INCREMENT) == [True, False, True, True]


def test_tests_see_the_prompts_helpers_and_imports() -> None:
    prompt = "import math\n\ndef double(x):\n    return 2 * x\n\ndef f(x):\n    '''Halve.'''\n"
    test = "def check(candidate):\n    assert candidate(double(3)) == math.floor(3.5)\n"
    assert outcomes(test, "def f(x): return x // 2", prompt) == [True]


def test_a_word_in_a_string_is_left_alone() -> None:
    test = "def check(candidate):\n    assert candidate('candidate') == 'candidate'\n"
    assert outcomes(test, "def f(x): return x") == [True]


def test_a_call_made_for_its_effect_changes_its_argument() -> None:
    test = "def check(candidate):\n    data = [2, 1]\n    candidate(data)\n    assert data == [1, 2]\n"
    assert outcomes(test, "def f(x): x.sort()") == [True]
    assert outcomes(test, "def f(x): return sorted(x)") == [False]


def test_a_call_whose_result_is_used_leaves_its_argument_alone() -> None:
    test = """
    def check(candidate):
        first = [2, 1]
        result = candidate(first)
        assert first == [2, 1], "says nothing, for it cannot change"
        assert result == sorted(first)
        second = [4, 3]
        assert candidate(second) == [3, 4]
        assert candidate([6, 5]) == [5, 6]
    """
    assert outcomes(test, "def f(x): return sorted(x)") == [True, True, True]
    assert outcomes(test, "def f(x):\n    x.sort()\n    return x") == [True, True, True]


SPOILED = {
    "asserted": "x = [3, 1, 2]\nassert candidate(x) == sorted(x)",
    "kept": "x = [3, 1, 2]\nresult = candidate(x)\nassert result == sorted(x)",
    "counted": "x = [3, 1, 2]\nassert len(candidate(x)) == len(x)",
    "by a keyword": "x = [3, 1, 2]\nassert candidate(x=x) == sorted(x)",
    "in a loop": "for x in ([3, 1], [2, 1]):\n    assert candidate(x) == sorted(x)",
    "in a comprehension": "assert all(candidate(x) == sorted(x) for x in ([3, 1], [2, 1]))",
    "in a condition": "x = [3, 1, 2]\nif candidate(x) != sorted(x):\n    raise ValueError",
    "handed on": "x = [3, 1, 2]\nsame(candidate(x), x)",
    "in a function": "def one(x):\n    assert candidate(x) == sorted(x)\none([3, 1])",
    "all of it": "x = [3, 1, 2]\nassert candidate(x) == sorted(x)\nreturn",
}


@pytest.mark.parametrize("name", SPOILED)
def test_emptying_an_argument_passes_nothing(name: str) -> None:
    test = "def same(a, b):\n    assert a == sorted(b)\n\ndef check(candidate):\n"
    test += textwrap.indent(SPOILED[name], "    ")
    assert outcomes(test, "def f(x):\n    x.clear()\n    return []") == [False]
    assert outcomes(test, "def f(x):\n    return sorted(x)") == [True]


def test_helpers_from_elsewhere_may_judge() -> None:
    test = """
    from unittest import TestCase
    case = TestCase()
    def check(candidate):
        case.assertEqual(candidate(1), 2)
        case.assertEqual(candidate(1), 3)
    """
    assert outcomes(test, INCREMENT) == [True, False]


def test_helpers_may_judge_by_other_helpers() -> None:
    test = """
    def ensure(truth):
        if not truth:
            raise ValueError("no")
    def close(a, b):
        ensure(abs(a - b) < 1)
    def note(value):
        return value
    def check(candidate):
        note(candidate(1))
        close(candidate(1), 2)
        close(candidate(1), 9)
    """
    assert outcomes(test, INCREMENT) == [True, False]


def test_exceptions_can_be_asked_for() -> None:
    test = """
    def check(candidate):
        try:
            candidate(-1)
            assert False
        except ValueError:
            pass
    """
    assert outcomes(test, "def f(x): raise ValueError(x)") == [True]
    assert outcomes(test, "def f(x): return x") == [False]


def test_a_check_that_returns_early_is_one_test() -> None:
    test = "def check(candidate):\n    if candidate(1) == 2:\n        return\n    assert False\n"
    assert outcomes(test, INCREMENT) == [True]
    assert outcomes(test, "def f(x): return 0") == [False]


def test_equalities_say_what_was_expected() -> None:
    suite = collect(problem("def check(candidate):\n    assert candidate(1) == 1\n"))
    (result,) = grade(Program(INCREMENT, "f", suite.steps, suite.preamble), SANDBOX).results
    assert (result.error, result.message) == ("AssertionError", "expected 1, got 2")


@pytest.mark.parametrize(
    "test", ["def check(candidate):\n    pass\n", "x = 1\n", "def check(c):\n    assert 1\n"]
)
def test_a_suite_may_be_empty(test: str) -> None:
    assert collect(problem(test)).labels == ()


def test_asserts_without_a_check_count_too() -> None:
    assert outcomes("assert f(1) == 2\nassert f(1) == 3\n", INCREMENT) == [True, False]


def test_labels_fit_on_a_line() -> None:
    test = (
        "def check(candidate):\n    for x in range(3):\n        assert candidate(x) == ["
        + "0, " * 200
        + "]\n"
    )
    test += "    assert candidate(1) == [" + "0, " * 200 + "]\n"
    loop, long = collect(problem(test)).labels
    assert loop == "for x in range(3): ..."
    assert len(long) < 310


def test_a_row_that_names_the_wrong_function_is_mended() -> None:
    test = "def check(candidate):\n    assert real_name(1) == 2\n    assert real_name(len('a')) == 2\n"
    suite = collect(problem(test))
    assert (suite.entry_point, suite.alias, len(suite.labels)) == ("real_name", "real_name", 2)


def test_the_reference_reads_asserts_line_by_line() -> None:
    test = """
    METADATA = {}

    def check(candidate):
        assert candidate(1) == 2
        assert candidate(1) == 2
        assert candidate([
            1]) == 3
        for x in range(3):
            assert candidate(x) == "candidate"

    def other():
        assert candidate(9)
    """
    prompt = "from math import floor\nimport no_such_thing\ndef f(x):\n    pass\n"
    suite = suite_by_lines.collect(problem(test, prompt))
    assert suite.labels == ("assert f(1) == 2", "assert f([", 'assert f(x) == "f"')
    assert suite.steps == tuple(Step(label) for label in suite.labels)
    verdict = grade(Program(INCREMENT, "f", suite.steps, suite.preamble, suite.alias), SANDBOX)
    assert [result.error for result in verdict.results] == ["", "SyntaxError", "NameError"]


def test_math_is_at_hand_in_every_test() -> None:
    test = "def check(candidate):\n    assert math.isclose(candidate(1), 2.0, rel_tol=0.001)\n"
    assert outcomes(test, INCREMENT) == [True]
    assert outcomes(test, "def f(x): return x") == [False]


def test_an_import_of_the_future_stays_first() -> None:
    prompt = "from __future__ import annotations\nimport re\n\ndef f(x: Unknown):\n    pass\n"
    test = "def check(candidate):\n    assert candidate(1) == 2 and re.match('a', 'a')\n"
    assert outcomes(test, INCREMENT, prompt) == [True]


def test_a_deep_test_is_read_if_it_may_be_read_at_all() -> None:
    test = "def check(candidate):\n    assert candidate(1) == 2" + " + 0" * 88 + "\n"
    assert outcomes(test, INCREMENT) == [True]
