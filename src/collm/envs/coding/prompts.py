"""The first observation of a coding episode (paper appendix E.2), and the reference code's."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from collm.envs.coding.problem import Problem, entry_function

UNREADABLE = "Error: Could not extract function information from prompt."
_SIGNATURE = re.compile(r"def\s+\w+\s*\(([^)]+)\)")

_RULES = (
    "- Output ONLY the function code, no explanations or examples\n"
    "- Do NOT include markdown code blocks (```python)\n"
    "- Do NOT include any text before or after the function\n"
    "- Do NOT include test cases or example usage\n"
)
_AUX = (
    "Create a helper function for this coding problem.\n"
    "\n"
    "Problem:\n{prompt}\n"
    "\n"
    "{head}\n" + _RULES + "- Create a helper function named 'aux' that can assist the main function\n"
    "- The function should return useful data for solving the problem\n"
    "\n"
    "Your output should follow this format:\n"
    "\n"
    "def aux(...):\n{body}\n"
)
_MAIN_RULES = (
    "- Do NOT redefine the aux() function\n"
    "- Implement ONLY the '{entry_point}' function as specified\n"
    "- You can call aux() to assign {a}value to a variable within your function if helpful\n"
)
_MAIN = (
    "Solve this coding problem by implementing the required function.\n"
    "\n"
    "Problem:\n{prompt}\n"
    "\n"
    "You have access to a helper function: aux(...)\n"
    "\n"
    "{head}\n" + _RULES + _MAIN_RULES + "\n"
    "Your output should follow this format:\n"
    "\n"
    "def {entry_point}({params}):\n{body}\n"
)
_ALONE = (
    "Solve this coding problem by implementing the required function.\n"
    "\n"
    "Problem:\n{prompt}\n"
    "\n"
    "{head}\n" + _RULES + "- Implement ONLY the '{entry_point}' function as specified\n"
    "- Make sure your solution is complete and handles all cases\n"
    "\n"
    "Your output should follow this format:\n"
    "\n"
    "def {entry_point}({params}):\n{body}\n"
)


@dataclass(frozen=True, slots=True)
class _Style:
    """What the two readings word differently: the heading of the rules, an article, and the examples."""

    head: str
    article: str
    aux_body: str
    main_body: str
    alone_body: str


_INDENTED, _ASKEW = (
    "    # your function code here\n    return result",
    " # your function code here\nreturn result",
)
_PAPER = _Style("Instructions:", "a ", "    # your code here\n    return result", _INDENTED, _INDENTED)
_REFERENCE = _Style("IMPORTANT INSTRUCTIONS:", "", _ASKEW, _ASKEW, _INDENTED)


def paper_prompt(problem: Problem, agent: str, alone: bool) -> str:
    """The task as an agent reads it."""
    return _filled(_PAPER, problem.prompt.strip("\n"), problem.entry_point, parameters(problem), agent, alone)


def reference_prompt(problem: Problem, agent: str, alone: bool) -> str:
    """The task in the reference's template."""
    return reference_frame(problem.prompt, problem, agent, alone)


def reference_frame(text: str, problem: Problem, agent: str, alone: bool) -> str:
    """The reference's template around any text; the parameters are those of the first ``def`` in it."""
    signature = _SIGNATURE.search(text)
    if signature is None:
        return UNREADABLE
    params = ", ".join(part.strip() for part in signature[1].split(","))
    return _filled(_REFERENCE, text, problem.entry_point, params, agent, alone)


def parameters(problem: Problem) -> str:
    """The parameters of the function that is asked for, or dots if the prompt leaves them open."""
    function = entry_function(problem)
    return (ast.unparse(function.args) if function is not None else "") or "..."


def _filled(style: _Style, text: str, entry_point: str, params: str, agent: str, alone: bool) -> str:
    whose = "aux" if agent == "aux" else "alone" if alone else "main"
    templates = {
        "aux": (_AUX, style.aux_body),
        "main": (_MAIN, style.main_body),
        "alone": (_ALONE, style.alone_body),
    }
    template, body = templates[whose]
    return template.format(
        prompt=text, head=style.head, a=style.article, entry_point=entry_point, params=params, body=body
    )
