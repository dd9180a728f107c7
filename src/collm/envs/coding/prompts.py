"""The first observation of a coding episode (paper appendix E.2), and the reference code's."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from collm.envs.coding.problem import Problem, entry_function
from collm.envs.coding.reading import Variant

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
_HEADS = {"paper": "Instructions:", "reference": "IMPORTANT INSTRUCTIONS:"}
_INDENTED = "    # your function code here\n    return result"
_ASKEW = " # your function code here\nreturn result"


def first_prompt(problem: Problem, agent: str, alone: bool, variant: Variant) -> str:
    """The task as an agent reads it."""
    if variant == "reference":
        return reference_prompt(problem.prompt, problem.entry_point, agent, alone)
    return _filled(problem.prompt, problem.entry_point, parameters(problem), agent, alone, variant)


def reference_prompt(text: str, entry_point: str, agent: str, alone: bool) -> str:
    """The reference's template around any text; the parameters are those of the first ``def`` in it."""
    found = _SIGNATURE.search(text)
    if found is None:
        return UNREADABLE
    params = ", ".join(part.strip() for part in found[1].split(","))
    return _filled(text, entry_point, params, agent, alone, "reference")


def parameters(problem: Problem) -> str:
    """The parameters of the function that is asked for, or dots if the prompt leaves them open."""
    function = entry_function(problem)
    return (ast.unparse(function.args) if function is not None else "") or "..."


def _filled(prompt: str, entry_point: str, params: str, agent: str, alone: bool, variant: Variant) -> str:
    template = _AUX if agent == "aux" else _ALONE if alone else _MAIN
    askew = variant == "reference" and not alone
    body = _ASKEW if askew else _INDENTED
    values: Mapping[str, str] = {
        "prompt": prompt.strip("\n") if variant == "paper" else prompt,
        "entry_point": entry_point,
        "params": params,
        "head": _HEADS[variant],
        "body": body.replace("your function code", "your code") if _is_short(agent, variant) else body,
        "a": "a " if variant == "paper" else "",
    }
    return template.format(**values)


def _is_short(agent: str, variant: Variant) -> bool:
    """The paper's helper template abbreviates its comment."""
    return agent == "aux" and variant == "paper"
