from __future__ import annotations

import ast
import textwrap

import pytest

from collm.envs.coding.usage import Usage, analyse


def usage(body: str, rest: str = "") -> Usage:
    code = (
        "def f(x):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n" + textwrap.dedent(rest)
    )
    return analyse(ast.parse(code), "f")


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ("return aux(x)", True),
        ("return sorted(x, key=aux)", True),
        ("return list(map(aux, x))", True),
        ("def inner():\n    return aux(x)\nreturn inner()", True),
        ("# aux(x)\nreturn 'aux(x)'", False),
        ("return x.aux(1)", False),
        ("aux = len\nreturn aux(x)", False),
        ("def aux(y):\n    return y\nreturn aux(x)", False),
        ("return (lambda aux: aux(x))(len)", False),
    ],
)
def test_calling_the_helper(body: str, called: bool) -> None:
    assert usage(body).called is called


def test_the_helper_may_be_called_by_a_function_of_mains_own() -> None:
    helper = "\ndef step(y):\n    return aux(y)\n"
    assert usage("return step(x)", helper).called
    assert not usage("return x", helper).called


@pytest.mark.parametrize(
    ("body", "wrapper"),
    [
        ("return aux(x)", True),
        ('"""Doc."""\nreturn aux(x)', True),
        ("v = aux(x)\nreturn v", True),
        ("v = aux(x)\nw = v\nu = w\nreturn u", True),
        ("y = x\nreturn aux(y)", True),
        ("v: int = aux(x)\nreturn v", True),
        ("pass", True),
        ("return aux(x) + 1", False),
        ("v = aux(x)\nreturn v + 1", False),
        ("if x:\n    return aux(x)\nreturn 0", False),
        ("y = len(x)\nreturn aux(y)", False),
        ("return x", False),
        ("print(x)", False),
    ],
)
def test_wrappers_hand_the_result_on(body: str, wrapper: bool) -> None:
    assert usage(body).wrapper is wrapper


@pytest.mark.parametrize(
    ("body", "misuses"),
    [
        ("aux(x)\nreturn x", ["Line 2: standalone call (not assigned)"]),
        ("y = aux(x)\nreturn x", ["Line 2: assigned to y but never used"]),
        ("y = aux(x)\ny = 3\nreturn y", ["Line 2: assigned to y but reassigned on line 3 before use"]),
        ("print(y)\ny = aux(x)\nreturn x", ["Line 3: assigned to y but never used"]),
        ("if x:\n    aux(x)\nelse:\n    aux(2)\nreturn x", ["Line 3", "Line 5"]),
        ("y = aux(x)\ny = y + 1\nreturn y", []),
        ("y = aux(x)\nif y:\n    return 1\nreturn 2", []),
        ("y = 0\nfor n in x:\n    print(y)\n    y = aux(n)\nreturn 0", []),
        ("if x:\n    y = aux(x)\nelse:\n    y = 1\nreturn y", []),
        ("a, b = aux(x)\nreturn 1", []),
        ("return [aux(n) for n in x]", []),
        ("while aux(x):\n    x -= 1\nreturn x", []),
    ],
)
def test_results_that_are_lost(body: str, misuses: list[str]) -> None:
    found = usage(body).misuses
    assert len(found) == len(misuses)
    assert all(text.startswith(expected) for text, expected in zip(found, misuses, strict=True))


def test_effective_use_is_calling_working_and_losing_nothing() -> None:
    assert usage("y = aux(x)\nreturn y + 1").effective
    assert not usage("return aux(x)").effective
    assert not usage("aux(x)\nreturn 1").effective
    assert not usage("return 1").effective
    assert not analyse(ast.parse("g = 1"), "f").effective
