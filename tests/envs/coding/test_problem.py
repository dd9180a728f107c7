from __future__ import annotations

from typing import Any

import pytest

from collm.envs.coding.problem import parse_problem, renamed
from collm.envs.coding.suite import collect
from collm.errors import CollmError

ROW = {
    "task_id": "t/1",
    "prompt": 'def f(x):\n    """Doc."""\n',
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
    "entry_point": "f",
}
MBPP: dict[str, Any] = {
    "task_id": 5,
    "text": "Write a function to reverse words.",
    "code": "def rev(t):\n    return t[::-1]\n\ndef words(s, sep=' '):\n    return sep.join(map(rev, s))\n",
    "test_list": ['assert words("ab c") == "ba c"', 'assert words(\n    "x"\n) == "x"'],
    "test_setup_code": "import math",
    "challenge_test_list": [],
}


def test_a_row_is_read() -> None:
    problem = parse_problem(ROW, "row")
    assert (problem.id, problem.entry_point) == ("t/1", "f")
    assert parse_problem({**ROW, "task_id": 7, "canonical_solution": "x"}, "row").id == "7"


@pytest.mark.parametrize("key", ROW)
@pytest.mark.parametrize("value", [None, "", 1.5])
def test_each_field_must_be_a_text(key: str, value: Any) -> None:
    with pytest.raises(CollmError, match=rf"^data.json\[3\].{key}: this field must be a text"):
        parse_problem({**ROW, key: value}, "data.json[3]")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"entry_point": "a b"}, "not a function's name"),
        ({"entry_point": "class"}, "'class' is not a function's name"),
        ({"test": "assert (\n"}, "not Python: '\\(' was never"),
    ],
)
def test_broken_fields_are_refused(change: dict[str, str], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        parse_problem({**ROW, **change}, "row")


def test_mbpps_own_schema_is_read() -> None:
    problem = parse_problem(MBPP, "row")
    assert problem.id == "MBPP/5"
    assert problem.entry_point == "words"
    assert problem.prompt == 'def words(s, sep=\' \'):\n    """Write a function to reverse words."""\n'
    suite = collect(problem)
    assert suite.preamble.endswith("\nimport math")
    assert suite.labels == ("assert words('ab c') == 'ba c'", "assert words('x') == 'x'")


@pytest.mark.parametrize("field", ["test_list", "test_imports"])
@pytest.mark.parametrize("value", [[1], "assert words('a') == 'a'", 3])
def test_lists_of_mbpp_must_hold_texts(field: str, value: Any) -> None:
    with pytest.raises(CollmError, match=rf"^row.{field}: this field must be a list of texts"):
        parse_problem({**MBPP, field: value}, "row")


def test_fields_of_mbpp_that_are_null_are_as_if_absent() -> None:
    assert parse_problem({**ROW, "test_list": None}, "row") == parse_problem(ROW, "row")
    assert parse_problem({**MBPP, "test_imports": None}, "row") == parse_problem(MBPP, "row")


def test_a_setup_that_is_not_python_is_refused() -> None:
    with pytest.raises(CollmError, match=r"^row.test_setup_code: it is not Python"):
        parse_problem({**MBPP, "test_setup_code": "import ("}, "row")


@pytest.mark.parametrize("change", [{"code": "x = 1"}, {"code": "def f(:"}, {"test_list": ["assert"]}])
def test_broken_rows_of_mbpp_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CollmError):
        parse_problem({**MBPP, **change}, "row")


def test_renaming_changes_the_declaration_alone() -> None:
    problem = renamed(parse_problem({**ROW, "prompt": "def f(x):\n    '''f of x'''\n"}, "row"), "g")
    assert (problem.entry_point, problem.prompt) == ("g", "def g(x):\n    '''f of x'''\n")
