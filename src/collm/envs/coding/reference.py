"""Reads replies and tests as the paper's reference code does: line by line, with regular expressions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from collm.envs.coding.misuse import plain_misuses
from collm.envs.coding.problem import Problem
from collm.envs.coding.reading import Definition, Reading
from collm.envs.coding.source import Fault, functions, parse
from collm.envs.coding.suite import Suite
from collm.envs.coding.usage import AUX
from collm.sandbox import Step

_DEF = re.compile(r"^(\s*)def\s+\w+\s*\(")
_IMPORT = re.compile(r"^(?:from\s+\S+\s+import\s+\S.*|import\s+\S.*)$")
_PROSE = re.compile(r"^[A-Z][a-z].*[.!?:]$")
_CODE_MARKS = ("def ", "return ", "if ", "for ", "while ", "=", "(", ")", "[", "]")
_DOCSTRINGS = ('"""', "'''")
_CHECK = re.compile(r"def check\(candidate\):(.*?)(?=\n\s*\n\s*def |\Z)", re.DOTALL)


def read(problem: Problem, main_reply: str, aux_reply: str | None) -> Reading:
    """The prompt's imports, the two functions, and nothing else of the replies."""
    aux = _define(aux_reply or "", AUX)
    main = _define(main_reply, problem.entry_point)
    code = "\n\n".join(part for part in ("\n".join(imports(problem)), aux.source, main.source) if part)
    whole, module = parse(code), parse(main.source)
    function = functions(module).get(problem.entry_point) if isinstance(module, ast.Module) else None
    return Reading(
        aux=aux,
        main=main,
        code=f"import math\n{code}",
        fault=whole if isinstance(whole, Fault) else None,
        aux_called=re.search(r"\baux\s*\(", main.source) is not None,
        wrapper=is_wrapper(main.source),
        misuses=() if function is None else plain_misuses(function, AUX),
    )


def _define(reply: str, name: str) -> Definition:
    source = extract(reply, name)
    return Definition(source, re.search(r"return\s+", source) is not None)


def extract(reply: str, name: str) -> str:
    """The ``def`` called ``name`` with its more-indented lines; empty if there is none."""
    lines = clean(reply).split("\n")
    start = re.compile(rf"^(\s*)def\s+{re.escape(name)}\s*\(")
    for index, line in enumerate(lines):
        found = start.match(line)
        if found:
            return "\n".join([line, *_indented(lines[index + 1 :], len(found[1]))]).rstrip()
    return ""


def _indented(lines: Iterable[str], indent: int) -> Iterator[str]:
    for line in lines:
        if line.strip() and _indent(line) <= indent:
            return
        yield line


def clean(reply: str) -> str:
    """The function blocks of a reply, without fences and prose; a nested ``def`` cuts its outer one."""
    text = reply.replace("```python", "").replace("```", "")
    joined = "\n\n".join("\n".join(block) for block in _blocks(text.split("\n")))
    kept = "\n".join(line for line in joined.split("\n") if not _is_prose(line.strip()))
    return kept if re.search(r"\bdef\b", kept) else ""


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    indent = 0
    for line in lines:
        found = _DEF.match(line)
        if found:
            if block:
                yield block
            block, indent = [line], len(found[1])
        elif block and _belongs(line, indent):
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _belongs(line: str, indent: int) -> bool:
    if not line.strip() or line.startswith("\t") or _indent(line) > indent:
        return True
    return _indent(line) == indent and line.strip().startswith(_DOCSTRINGS)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_prose(line: str) -> bool:
    if line.startswith(("#", *_DOCSTRINGS)):
        return False
    return _PROSE.match(line) is not None and not any(mark in line for mark in _CODE_MARKS)


def imports(problem: Problem) -> list[str]:
    """The prompt's lines that look like imports, each once."""
    lines = (line.strip() for line in problem.prompt.splitlines())
    return list(dict.fromkeys(line for line in lines if _IMPORT.match(line)))


def is_wrapper(main: str) -> bool:
    """No body, one ``return`` that mentions aux, or ``v = aux(...)`` then ``return v``; never more lines."""
    body = list(_body(main))
    if len(body) == 1:
        return body[0].startswith("return ") and AUX in body[0]
    if len(body) == 2:
        found = re.match(r"^(\w+)\s*=\s*aux\s*\(", body[0])
        return found is not None and body[1] == f"return {found[1]}"
    return not body


def _body(main: str) -> Iterator[str]:
    """The lines of a function without its head, blank lines, comments and docstrings."""
    quote = ""
    for line in map(str.strip, main.split("\n")):
        if quote:
            quote = "" if quote in line else quote
        elif line.startswith(_DOCSTRINGS):
            quote = "" if line.count(line[:3]) > 1 else line[:3]
        elif line and not line.startswith(("#", "def ")):
            yield line


@lru_cache(maxsize=4096)
def collect(problem: Problem) -> Suite:
    """Each line of ``check`` that starts with ``assert`` and mentions the candidate, once."""
    found = _CHECK.search(problem.test)
    lines = (line.strip() for line in (found[1] if found else "").split("\n"))
    asserts = dict.fromkeys(line for line in lines if line.startswith("assert") and "candidate" in line)
    labels = tuple(line.replace("candidate", problem.entry_point) for line in asserts)
    usable = [line for line in ("import math", *imports(problem)) if isinstance(parse(line), ast.Module)]
    preamble = "\n".join(f"try:\n    {line}\nexcept ImportError:\n    pass" for line in usable)
    steps = tuple(Step(label) for label in labels)
    return Suite(problem.entry_point, problem.entry_point, preamble, steps, labels)
