"""Tests as the paper's reference code finds them: line by line, with regular expressions."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.reference import imports
from collm.envs.coding.source import parse
from collm.envs.coding.suite import Suite, guarded_imports
from collm.sandbox import Step

_CHECK = re.compile(r"def check\((\w+)\):(.*?)(?=\n\ndef|\Z)", re.DOTALL)


@lru_cache(maxsize=4096)
def collect(problem: Problem) -> Suite:
    """Each line of ``check`` that starts with ``assert`` and mentions the candidate, once."""
    check = _CHECK.search(problem.test)
    candidate, body = (check[1], check[2]) if check else ("candidate", "")
    lines = dict.fromkeys(map(str.strip, body.split("\n")))
    asserts = [line for line in lines if re.match(rf"assert\s+.*{re.escape(candidate)}", line)]
    labels = tuple(line.replace(candidate, problem.entry_point) for line in asserts)
    usable = [line for line in ("import math", *imports(problem)) if isinstance(parse(line), ast.Module)]
    steps = tuple(Step(label) for label in labels)
    return Suite(problem.entry_point, problem.entry_point, guarded_imports(usable), steps, labels)
