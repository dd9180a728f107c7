from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.paper import extract, read

PROBLEM = Problem(
    "t",
    'import math\n\ndef given(x):\n    return x\n\ndef main_one(x, y=")"):\n    """Do it."""\n',
    "def check(candidate):\n    assert candidate(1) == 1\n",
    "main_one",
)
GOOD = "def main_one(x):\n    return aux(x)\n"

SURVIVORS = {
    "plain": "def main_one(x):\n    return x",
    "fenced": "```python\ndef main_one(x):\n    return x\n```",
    "fenced in prose": "Sure! Here it is:\n```py\ndef main_one(x):\n    return x\n```\nIt works.",
    "fence never closed": "```\ndef main_one(x):\n    return x",
    "fence only closed": "def main_one(x):\n    return x\n```\nDone.",
    "two fences": "```python\nimport re\n```\nand\n```python\ndef main_one(x):\n    return re.I\n```",
    "prose before": "Here is the function\n\ndef main_one(x):\n    return x",
    "prose after": "def main_one(x):\n    return x\n\nThis function isn't hard.",
    "indented": "    def main_one(x):\n        return x\n",
    "nested function": "def main_one(x):\n    def inner(y):\n        return y\n    return inner(x)",
    "signature over lines": "def main_one(\n    x: int,\n    y: int = 2,\n) -> int:\n    return x",
    "decorator": "from functools import *\n@lru_cache(\n    maxsize=None\n)\ndef main_one(x):\n    return x",
    "docstring at the margin": 'def main_one(x):\n    """Text\nhere\n"""\n    return x\n\nIsn\'t it?',
    "helper, class and constant": "N = 1\nclass A:\n    pass\ndef helper(x):\n    return x + N\n"
    "def main_one(x):\n    return helper(x)",
    "async": "async def main_one(x):\n    return x",
    "semicolon": "import math; N = 1\ndef main_one(x): return N",
    "windows lines": "def main_one(x):\r\n    return x\r\n",
    "wide characters": "Ä = 'ä'; B = 2\ndef main_one(x):\n    return Ä",
    "future": "from __future__ import annotations\ndef main_one(x: Unknown):\n    return x",
    "examples": "def main_one(x):\n    return x\nprint(main_one(1))\nif __name__:\n    main_one(2)",
}


@pytest.mark.parametrize("name", SURVIVORS)
def test_valid_code_survives(name: str) -> None:
    reading = read(PROBLEM, SURVIVORS[name], "def aux(x):\n    return x")
    assert reading.main.complete
    assert reading.fault is None
    module = ast.parse(reading.code)
    names = [node.name for node in module.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert {"given", "aux", "main_one"} <= set(names)
    assert not any(isinstance(node, (ast.Expr, ast.If)) for node in module.body)


def test_all_that_a_reply_defines_is_kept() -> None:
    part = extract(SURVIVORS["helper, class and constant"], "main_one", "aux")
    assert [statement.source for statement in part.statements] == [
        "N = 1",
        "class A:\n    pass",
        "def helper(x):\n    return x + N",
        "def main_one(x):\n    return helper(x)",
    ]


def test_a_decorator_stays_with_its_function() -> None:
    assert extract(SURVIVORS["decorator"], "main_one", "aux").definition.source.startswith("@lru_cache(")


def test_statements_on_one_line_are_not_doubled() -> None:
    part = extract(SURVIVORS["wide characters"], "main_one", "aux")
    assert part.source({"Ä", "B"}).startswith("Ä = 'ä'\n\nB = 2\n\ndef")


def test_nobody_writes_the_others_function() -> None:
    main = "def aux(x):\n    return 'mine'\n\n" + GOOD
    aux = "def aux(x):\n    return 'theirs'\n\ndef main_one(x):\n    return 'stolen'\n"
    code = read(PROBLEM, main, aux).code
    assert "mine" not in code
    assert "stolen" not in code
    assert "theirs" in code


@pytest.mark.parametrize(
    ("reply", "found", "complete"),
    [
        ("", False, False),
        ("def other(x):\n    return x", False, False),
        ("def main_one(x):\n    print(x)", True, False),
        ("def main_one(x):\n    def inner():\n        return 1\n    inner()", True, False),
        ("class S:\n    def main_one(self, x):\n        return x", False, False),
        ("main_one = lambda x: x", False, False),
        ("def main_one(x:\n    return x", True, False),
        ("def main_one(x):\n    return x +", True, True),
        ("def main_one(x):\n    if x\n        return x", True, True),
        ("def main_one(x):\n    y = (\n    # return\n", True, False),
    ],
)
def test_definitions_need_a_signature_and_a_return(reply: str, found: bool, complete: bool) -> None:
    definition = read(PROBLEM, reply, None).main
    assert (bool(definition.source), definition.complete) == (found, complete)


def test_a_broken_function_is_kept_so_that_its_error_is_told() -> None:
    reading = read(PROBLEM, "Well:\ndef main_one(x):\n    return x +\nDone.", "def aux(x):\n    return 1")
    assert reading.main.complete
    assert reading.aux.complete
    assert reading.fault is not None
    assert reading.fault.message == "invalid syntax"
    assert reading.fault.line == reading.code.split("\n").index("    return x +") + 1


def test_a_broken_neighbour_does_not_matter() -> None:
    reading = read(PROBLEM, "def junk(:\n    pass\n\n" + GOOD, "def aux(x):\n    return 1")
    assert reading.fault is None
    assert reading.cooperates is False
    assert reading.aux_called


def test_a_single_agent_has_no_helper() -> None:
    reading = read(PROBLEM, GOOD, None)
    assert not reading.aux.source
    assert not reading.aux_called
    assert reading.misuses == ()


LINES = """def main_one(x):
    return x
    def main_one(
    aux(x)
```
```python
@a
class A:
)
else:
x = (
async def
;
\\
'
\x00
\t
"""
mangled = st.lists(st.sampled_from([*LINES.split("\n"), '"""'])).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(st.characters()), mangled), st.one_of(st.text(), mangled))
def test_any_reply_can_be_read(main: str, aux: str) -> None:
    reading = read(PROBLEM, main, aux)
    if reading.fault is None:
        ast.parse(reading.code)
    assert not reading.main.complete or reading.main.source


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(GOOD)), st.text(st.characters(), max_size=3))
def test_a_good_reply_with_a_wound_can_be_read(place: int, wound: str) -> None:
    read(PROBLEM, GOOD[:place] + wound + GOOD[place:], GOOD)


@pytest.mark.parametrize(
    "bomb",
    [
        "(" * 19000,
        "x = (\n" * 3000,
        "def main_one(x):\n return x" + ".a" * 9000,
        "-" * 19000 + "1",
        "```" * 6000,
    ],
    ids=["brackets", "assignments", "attributes", "signs", "fences"],
)
def test_bombs_are_read_in_no_time(bomb: str) -> None:
    assert read(PROBLEM, bomb, textwrap.indent(bomb, " ")).testable is False
