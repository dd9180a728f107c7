"""Replies made to be slow to read. Work is counted in nodes of the AST that are looked at, not in seconds."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.envs.coding.problem import Problem
from collm.envs.coding.replies import paper, reference
from collm.envs.coding.replies.reading import Reading
from collm.envs.coding.source import MAX_CHARACTERS

PROBLEM = Problem(
    "t", 'def f(x):\n    """Do it."""\n', "def check(candidate):\n    assert candidate(1)\n", "f"
)
NODES_A_CHARACTER = 25
READERS = [paper.read, reference.read]
_NESTED = "".join(" " * depth + "def f(x):\n" for depth in range(95)) + " " * 96 + "return aux(x)"


def function(body: str) -> str:
    return f"def f(x):\n    {body}"


SLOW = {
    "350 signs": function("return " + "-" * 350 + "aux(x)"),
    "350 signs that stand alone": function("-" * 350 + "aux(x)\n    return x"),
    "350 attributes": function("return aux(x)" + ".real" * 350),
    "2000 attributes": function("return aux(x)" + ".a" * 2000),
    "a sum of 600": function("return " + " + ".join(["aux(x)"] * 600)),
    "2490 lambdas": function("return " + "lambda: " * 2490 + "aux(x)"),
    "900 lambdas": function("return " + "lambda y: " * 900 + "aux(x)"),
    "700 elif": function(
        "if x: y = 1\n" + "".join(f"    elif x == {n}: y=1\n" for n in range(700)) + "    return y"
    ),
    "700 elif that assign": function(
        "if x: y = 1\n" + "".join("    elif x:y=aux(x)\n" for _ in range(700)) + "    return y"
    ),
    "functions in functions": _NESTED,
    "conditions": function("return " + "x if x else " * 900 + "x"),
    "loops in a comprehension": function("return [x " + "for x in x " * 1500 + "]"),
    "one name again and again": "x=x\n" * 1000 + "def f(n):\n    return x",
    "one line": "x;" * 1500 + "x\ndef f(n):\n    return x",
    "results": function("".join("y=aux(x)\n    " for _ in range(500)) + "return y"),
    "results that stand alone": function("aux(x)\n    " * 500 + "return x"),
    "targets": function("y=" * 5000 + "aux(x)\n    return y"),
    "many names": ",".join(f"a{n}" for n in range(1500)) + "=" + ",".join(f"b{n}" for n in range(1500)),
    "functions": "\n".join(f"def g{n}(): return g{n + 1}()" for n in range(500)) + "\ndef f(x): return g0()",
    "one function again and again": "def f(x):\n return 0\n" * 900,
    "broken lines": "def f(\n" * 2700,
    "decorators": "@a\n" * 3000 + function("return x"),
    "brackets": function("return " + "(" * 9000),
}


def work(read: Callable[[Problem, str, str | None], Reading], reply: str) -> int:
    """How many nodes are looked at while a reply is read as main's and as aux's."""
    visited = 0
    children = ast.iter_child_nodes

    def counted(node: ast.AST) -> Iterator[ast.AST]:
        nonlocal visited
        for child in children(node):
            visited += 1
            yield child

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ast, "iter_child_nodes", counted)
        reading = read(PROBLEM, reply, reply.replace("def f(", "def aux("))
    assert reading.fault is not None or isinstance(ast.parse(reading.code), ast.Module)
    return visited


@pytest.mark.parametrize("read", READERS, ids=["paper", "reference"])
@pytest.mark.parametrize("name", SLOW)
def test_the_work_grows_with_the_text_and_no_faster(
    name: str, read: Callable[[Problem, str, str | None], Reading]
) -> None:
    reply = SLOW[name]
    assert work(read, reply) <= 2 * NODES_A_CHARACTER * min(len(reply), MAX_CHARACTERS)


def test_ordinary_deep_code_is_read_as_it_is() -> None:
    for name in ("350 signs", "350 attributes", "a sum of 600"):
        reading = paper.read(PROBLEM, SLOW[name], "def aux(x):\n    return x")
        assert (reading.fault, reading.aux_called, reading.misuses) == (None, True, ())
    alone = paper.read(PROBLEM, SLOW["350 signs that stand alone"], "def aux(x):\n    return x")
    assert alone.misuses == ("Line 2: standalone call (not assigned)",)


def test_what_no_parser_takes_is_a_fault_of_the_reply() -> None:
    for name in ("2490 lambdas", "2000 attributes"):
        reading = paper.read(PROBLEM, SLOW[name], None)
        assert reading.main.source
        assert reading.fault is not None
        assert reading.fault.message == "nested deeper than 1000 levels"


PIECES = st.sampled_from(
    [
        "-",
        "not ",
        "lambda: ",
        "(",
        ")",
        "[",
        "]",
        ".a",
        "aux(",
        "x",
        " if x else ",
        " + ",
        "\n    ",
        "y = ",
        "1",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join), st.integers(1, 1500))
def test_no_repeated_text_is_slow_or_raises(text: str, times: int) -> None:
    for read in READERS:
        reply = function("return " + text * times)
        assert work(read, reply) <= 2 * NODES_A_CHARACTER * min(len(reply), MAX_CHARACTERS)
