"""What the two readings make of the same rows and replies."""

from __future__ import annotations

from typing import Any

import pytest

from collm.env import make_env
from collm.envs.coding.coding import Coding
from collm.envs.coding.variants import VARIANTS

ROW = {
    "task_id": "double",
    "prompt": 'def double(n):\n    """Return twice n."""\n',
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6\n",
    "entry_point": "double",
}
MBPP: dict[str, Any] = {
    "task_id": 82,
    "text": "Write a function to find the volume of a sphere.",
    "code": "import math\r\nfrom cmath import phase as angle\r\ndef volume_sphere(r):\r\n"
    "  return (4/3)*math.pi*r*r*r",
    "test_list": [
        "assert math.isclose(volume_sphere(10), 4188.790204786391, rel_tol=0.001)",
        "assert math.isclose(volume_sphere(25) + angle(1), 65449.84694978735, rel_tol=0.001)",
    ],
    "test_setup_code": "",
    "challenge_test_list": [],
}
PUBLISHED = {
    "task_id": "MBPP/29",
    "prompt": "def volume_sphere(r):\n    '''Write a function to find the volume of a sphere.'''\n",
    "test": "def check(candidate):\n"
    "    assert math.isclose(candidate(10), 4188.790204786391, rel_tol=0.001)\n",
    "entry_point": "volume_sphere",
}
AUX = "def aux(n):\n    return n + n"
SPHERE = "def volume_sphere(r):\n    import math\n    v = aux(r)\n    return math.pi * v * r * r * 2 / 3"


def env(**config: Any) -> Coding:
    made = make_env({"type": "coding", "sandbox": {"limits": {"max_breaks": 1}, "slots": 1}, **config})
    assert isinstance(made, Coding)
    return made


def feedback(main: str, aux: str = AUX, **config: Any) -> list[str]:
    """The lines that main hears after a first turn."""
    coding = env(variant="reference", **config)
    replies = {"aux": aux, "main": main} if coding.num_agents == 2 else {"main": main}
    state = coding.step(coding.reset(coding.parse_task(ROW, "row"), 0), replies).state
    return coding.observe(state)["main"].text.splitlines()


@pytest.mark.parametrize("variant", VARIANTS)
def test_published_rows_that_lean_on_math_can_be_passed(variant: str) -> None:
    coding = env(variant=variant)
    state = coding.reset(coding.parse_task(PUBLISHED, "row"), 0)
    assert coding.step(state, {"aux": AUX, "main": SPHERE}).reward == pytest.approx(4.0)
    wrong = SPHERE.replace("2 / 3", "2 / 4")
    assert coding.step(state, {"aux": AUX, "main": wrong}).reward == pytest.approx(1.5)


def test_rows_in_mbpps_own_schema_bring_what_their_solution_imports() -> None:
    coding = env()
    task = coding.parse_task(MBPP, "row")
    assert task.imports == ("import math", "from cmath import phase as angle")
    transition = coding.step(coding.reset(task, 0), {"aux": AUX, "main": SPHERE})
    assert transition.metrics["tests_total"] == 2
    assert transition.reward == pytest.approx(4.0)


def test_the_reference_finds_the_tests_of_mbpps_own_schema_too() -> None:
    coding = env(variant="reference")
    row = {**MBPP, "test_list": MBPP["test_list"][:1]}
    transition = coding.step(coding.reset(coding.parse_task(row, "row"), 0), {"aux": AUX, "main": SPHERE})
    assert transition.metrics["tests_total"] == 1
    assert transition.reward == pytest.approx(4.0)


def test_the_reference_tells_a_syntax_error_and_finds_no_tests() -> None:
    lines = feedback("def double(n):\n    return n +")
    assert "- Syntax: ERROR (Combined code has syntax error: invalid syntax (<unknown>, line 5))" in lines
    assert "  SyntaxError at line 5, col 15: invalid syntax" in lines
    assert "- Tests: no test cases found" in lines


def test_the_reference_blames_every_result_that_gets_a_name() -> None:
    lines = feedback("def double(n):\n    y = aux(n)\n    z = aux(n)\n    return y + z")
    blames = "Line 2: assigned to y but never used, Line 3: assigned to z but never used"
    assert f"- Aux usage: called but misused ({blames})" in lines


def test_the_reference_tests_a_function_that_returns_nothing() -> None:
    assert "- Tests: 0/1 passed" in feedback("def double(n):\n    n + n")
    assert "  Failed case: assert double(2) == 4 -> AssertionError: " in feedback("def double(n):\n    n + n")


def test_the_reference_deducts_where_its_own_detector_fires() -> None:
    coding = env(variant="reference")
    state = coding.reset(coding.parse_task(ROW, "row"), 0)
    for call, reward in (("aux (n)", 3.5), ("aux(n)", 4.0)):
        main = f"def double(n):\n    {call}\n    m = n\n    return m + n"
        assert coding.step(state, {"aux": AUX, "main": main}).reward == pytest.approx(reward)


def test_a_single_agent_of_the_reference_hears_of_its_own_responses() -> None:
    lines = feedback("def double(n):\n    return 1", num_agents=1, num_turns=2)
    assert "History: your previous responses:" in lines
