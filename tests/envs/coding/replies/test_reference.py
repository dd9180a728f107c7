from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.reference import clean, extract, imports, read

PROBLEM = Problem(
    "t",
    "from typing import List\nimport math\ndef f(x):\n    '''Doc.'''\n",
    "def check(candidate): pass",
    "f",
)
AUX = "def aux(x):\n    return x"


def test_fences_and_prose_go() -> None:
    reply = "Here is the code:\n```python\ndef f(x):\n    return x\n```\nThis works."
    assert extract(reply, "f") == "def f(x):\n    return x"


def test_all_but_functions_is_dropped() -> None:
    reply = "import os\nN = 1\n@cache\ndef f(x):\n    return N\nclass A:\n    pass"
    assert clean(reply) == "def f(x):\n    return N"


def test_prose_inside_a_block_is_dropped_but_not_code() -> None:
    assert clean("def f(x):\n    Some words here.\n    return x") == "def f(x):\n    return x"
    assert "# A comment." in clean("def f(x):\n    # A comment.\n    return x")


def test_a_nested_function_cuts_its_outer_one() -> None:
    reply = "def f(x):\n    y = 1\n    def inner():\n        return 2\n    return inner()"
    assert extract(reply, "f") == "def f(x):\n    y = 1\n\n    def inner():\n        return 2"


def test_a_signature_that_closes_at_the_margin_is_cut() -> None:
    assert extract("def f(\n    x,\n) -> int:\n    return x", "f") == "def f(\n    x,"


def test_the_prompts_imports_come_along() -> None:
    assert imports(PROBLEM) == ["from typing import List", "import math"]
    reading = read(PROBLEM, "def f(x):\n    return aux(x) + 1", AUX)
    assert reading.code.split("\n\n") == [
        "import math\nfrom typing import List\nimport math",
        AUX,
        "def f(x):\n    return aux(x) + 1",
    ]


def test_usage_is_a_matter_of_text() -> None:
    reading = read(PROBLEM, "def f(x):\n    # aux(x) would be nice\n    y = 1\n    return y", AUX)
    assert reading.aux_called
    assert not reading.wrapper
    assert not reading.aux_ignored


def test_the_indentation_of_a_reply_goes() -> None:
    assert extract("    def f(x):\n        return x", "f") == "def f(x):\n        return x"
    reading = read(PROBLEM, "\tdef f(x):\n\t\treturn aux(x) + 1", "  def aux(x):\n    return x")
    assert (reading.fault, reading.testable) == (None, True)


def test_of_a_function_written_twice_in_a_row_the_last_counts() -> None:
    first, second = "def f(x):\n    return 1", "def f(x):\n    return 2"
    assert extract(f"{first}\n\n{second}", "f") == second
    assert extract(f"{first}\n\n{AUX}\n\n{second}", "f") == first


def test_a_docstring_at_the_margin_stays_in_its_function() -> None:
    reply = 'def f(x):\n"""Doc.\nx = 1\n"""\n    return x'
    assert extract(f"{reply}\nx = 2", "f") == "def f(x):"
    assert clean(f"{reply}\nx = 2") == reply


def test_throwing_the_result_away_is_told_but_not_punished() -> None:
    reading = read(PROBLEM, "def f(x):\n    aux(x)\n    y = 2\n    return y", AUX)
    assert reading.misuses == ("Line 2: standalone call (not assigned)",)
    assert not reading.aux_ignored


def test_a_missing_function_is_missing() -> None:
    reading = read(PROBLEM, "no code", "def helper(): return 1")
    assert (reading.main.source, reading.aux.source, reading.testable) == ("", "", False)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters()), st.text())
def test_any_reply_can_be_read(main: str, aux: str) -> None:
    read(PROBLEM, main, aux)
    read(PROBLEM, f"def f(x):\n    {main}", f"def aux(x):\n\t{aux}")
