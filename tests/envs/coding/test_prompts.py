from __future__ import annotations

import pytest

from collm.envs.coding.problem import Problem
from collm.envs.coding.prompts import (
    UNREADABLE,
    paper_prompt,
    parameters,
    reference_frame,
    reference_prompt,
)

RULES = """\
- Output ONLY the function code, no explanations or examples
- Do NOT include markdown code blocks (```python)
- Do NOT include any text before or after the function
- Do NOT include test cases or example usage
"""
PROMPT = 'def double(n: int=1) -> int:\n    """Twice n. Mind the {braces}."""\n'
PROBLEM = Problem("t", PROMPT, "def check(candidate):\n    assert candidate(1) == 2\n", "double")


def test_the_papers_helper_prompt() -> None:
    assert paper_prompt(PROBLEM, "aux", False) == (
        f"Create a helper function for this coding problem.\n\nProblem:\n{PROMPT}\nInstructions:\n{RULES}"
        "- Create a helper function named 'aux' that can assist the main function\n"
        "- The function should return useful data for solving the problem\n\n"
        "Your output should follow this format:\n\n"
        "def aux(...):\n    # your code here\n    return result\n"
    )


def test_the_references_main_prompt() -> None:
    assert reference_prompt(PROBLEM, "main", False) == (
        "Solve this coding problem by implementing the required function.\n\n"
        f"Problem:\n{PROMPT}\n\nYou have access to a helper function: aux(...)\n\n"
        f"IMPORTANT INSTRUCTIONS:\n{RULES}- Do NOT redefine the aux() function\n"
        "- Implement ONLY the 'double' function as specified\n"
        "- You can call aux() to assign value to a variable within your function if helpful\n\n"
        "Your output should follow this format:\n\n"
        "def double(n: int=1):\n # your function code here\nreturn result\n"
    )


def test_a_single_agent_hears_nothing_of_a_helper() -> None:
    for prompt in (paper_prompt, reference_prompt):
        text = prompt(PROBLEM, "main", True)
        assert "aux" not in text
        assert "- Make sure your solution is complete and handles all cases\n" in text
        assert text.endswith("def double(n: int=1):\n    # your function code here\n    return result\n")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("def helper(a, b):\n    return a\n\ndef double(x):\n    '''Doc.'''\n", "x"),
        ("def double(x=(1, 2), *rest: int, **more):\n    '''Doc.'''\n", "x=(1, 2), *rest: int, **more"),
        ("def double():\n    '''Nothing is said of what it takes.'''\n", "..."),
        ("def double(\n    x,\n    y,\n):\n", "x, y"),
        ("Write a function that doubles.", "..."),
    ],
)
def test_parameters_are_those_of_the_right_function(prompt: str, expected: str) -> None:
    assert parameters(Problem("t", prompt, "", "double")) == expected


def test_the_reference_takes_the_first_parameters_it_finds() -> None:
    text = "def helper(a,b):\n    return a\n\ndef double(x):\n    '''Doc.'''\n"
    assert "def double(a, b):" in reference_frame(text, PROBLEM, "main", False)


@pytest.mark.parametrize("text", ["def double():\n    pass", "no code at all"])
def test_the_reference_cannot_read_every_prompt(text: str) -> None:
    assert reference_frame(text, PROBLEM, "main", False) == UNREADABLE
    assert UNREADABLE == "Error: Could not extract function information from prompt."
