from __future__ import annotations

import ast
import textwrap

import pytest

from collm.envs.coding.analysis.usage import Usage, analyse


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
    ("body", "rest"),
    [
        ("return clip(x)", "clip = lambda n: max(aux(n), 0)"),
        ("return clip(x)", "clip: object = lambda n: max(aux(n), 0)"),
        ("return Tool().run(x)", "class Tool:\n    def run(self, x):\n        return aux(x) + 1"),
        ("return TABLE[x]", "TABLE = [aux(n) for n in range(9)]"),
        ("return TABLE[x]", "TABLE = []\nfor n in range(9):\n    TABLE = [*TABLE, aux(n)]"),
        ("h = aux\nreturn h(x) + 1", ""),
        ("return h(x) + 1", "h = aux"),
    ],
)
def test_the_helper_may_be_called_by_anything_that_main_leads_to(body: str, rest: str) -> None:
    assert usage(body, rest).effective
    assert not usage("return x", rest).called


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        ("global aux\naux = len\nreturn aux(x) + 1", ""),
        ("from operator import neg as aux\nreturn aux(x) + 1", ""),
        ("h = aux\nreturn x", ""),
    ],
)
def test_another_function_called_aux_is_not_the_helper(body: str, rest: str) -> None:
    assert not usage(body, rest).called


def test_the_helper_under_another_name_is_handed_on_too() -> None:
    assert usage("g = aux\nreturn g(x)").wrapper
    assert usage("v = g(x)\nreturn v", "g = aux").wrapper


def test_only_main_itself_is_asked_whether_it_hands_on() -> None:
    assert not usage("return g(x)", "def g(y):\n    return aux(y)").wrapper


@pytest.mark.parametrize(
    ("body", "wrapper"),
    [
        ("return aux(x)", True),
        ('"""Doc."""\nreturn aux(x)', True),
        ("v = aux(x)\nreturn v", True),
        ("v = aux(x)\nw = v\nu = w\nreturn u", True),
        ("y = x\nreturn aux(y)", True),
        ("v: int = aux(x)\nreturn v", True),
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


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("y: int = aux(x)\nreturn x", "assigned to y but never used"),
        ("y = z = aux(x)\nreturn x", "assigned to y but never used"),
        ("aux(x) + 1\nreturn x", "standalone call (not assigned)"),
        ("x and [aux(n) for n in x]\nreturn x", "standalone call (not assigned)"),
        ("h = aux\nh(x)\nreturn x", "standalone call (not assigned)"),
    ],
)
def test_results_that_are_lost_in_a_roundabout_way(body: str, reason: str) -> None:
    line = 3 if body.startswith("h =") else 2
    assert usage(body).misuses == (f"Line {line}: {reason}",)


@pytest.mark.parametrize(
    "body",
    [
        "y: int = aux(x)\nreturn y",
        "y = z = aux(x)\nreturn z",
        "y, *z = aux(x), 1\nreturn z",
        "a, b = aux(x), 1\nreturn a",
        "x.y = z = aux(x)\nreturn x",
        "if (y := aux(x)) > 1:\n    return 1\nreturn 2",
        "x.append(aux(x))\nreturn x",
        "aux(x) and x.pop()\nreturn x",
        "[x.append(n) for n in aux(x)]\nreturn x",
        "print(aux(x))\nreturn x",
        "yield aux(x)",
        "def tell():\n    return y\ny = aux(x)\nreturn tell()",
        "lambda: aux(x)\nreturn x",
    ],
)
def test_results_that_are_not_lost(body: str) -> None:
    assert usage(body).misuses == ()


def test_effective_use_is_calling_working_and_losing_nothing() -> None:
    assert usage("y = aux(x)\nreturn y + 1").effective
    assert not usage("return aux(x)").effective
    assert not usage("aux(x)\nreturn 1").effective
    assert not usage("return 1").effective
    assert not analyse(ast.parse("g = 1"), "f").effective
