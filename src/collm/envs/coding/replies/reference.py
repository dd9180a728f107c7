"""Reads replies as the paper's reference code does: line by line, with regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from collm.envs.coding.analysis.by_text import is_ignored, is_wrapper, mentions_call, told_misuses
from collm.envs.coding.analysis.usage import AUX
from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.reading import Definition, Reading
from collm.envs.coding.source import MAX_CHARACTERS, Fault, parse

_FENCE = re.compile(r"```(?:python)?\s*\n?")
_DEF = re.compile(r"(\s*)def\s+\w+\s*\(")
_IMPORT = re.compile(r"from\s+[\w.]+\s+import\s+.*|import\s+[\w.,\s]+")
_PROSE = re.compile(r"[A-Z][a-z].*[.!?:]")
_CODE_MARKS = ("def ", "return ", "if ", "for ", "while ", "=", "(", ")", "[", "]")
_QUOTES = ('"""', "'''")


def read(problem: Problem, main_reply: str, aux_reply: str | None) -> Reading:
    """The prompt's imports, the two functions, and nothing else of the replies."""
    aux = _define(aux_reply or "", AUX)
    main = _define(main_reply, problem.entry_point)
    import_lines = imports(problem)
    code = "\n\n".join(filter(None, ["\n".join(import_lines), clean(aux.source), clean(main.source)]))
    module = parse(code, limit=None)
    fault = module if isinstance(module, Fault) else None
    return Reading(
        aux=aux,
        main=main,
        code=code if any("__future__" in line for line in import_lines) else f"import math\n{code}",
        fault=fault,
        testable=fault is None and main.source != "",
        aux_called=mentions_call(main.source),
        wrapper=is_wrapper(main.source),
        aux_ignored=is_ignored(main.source),
        misuses=told_misuses(main.source),
    )


def _define(reply: str, name: str) -> Definition:
    source = extract(reply[:MAX_CHARACTERS], name)
    return Definition(source, re.search(r"return\s+", source) is not None)


def extract(reply: str, name: str) -> str:
    """The ``def`` called ``name`` with its more-indented lines; empty if there is none.

    Of several right behind one another the last counts, and of others the first.
    """
    start = re.compile(rf"(\s*)def\s+{re.escape(name)}\s*\(")
    lines: list[str] = []
    indent = 0
    for line in clean(reply).split("\n"):
        begins = start.match(line)
        if begins:
            lines, indent = [line], len(begins[1])
        elif lines and line.strip() and not _is_inside(line, indent):
            break
        elif lines:
            lines.append(line)
    return "\n".join(lines).strip()


def clean(reply: str) -> str:
    """The function blocks of a reply, without fences and prose; a nested ``def`` cuts its outer one."""
    lines = _FENCE.sub("", reply).split("\n")
    blocks = "\n\n".join("\n".join(block) for block in _blocks(lines))
    kept = "\n".join(line for line in blocks.split("\n") if not _is_prose(line)).strip()
    return kept if re.search(r"def\s+\w+\s*\(", kept) else ""


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    indent, quotes = 0, ""
    for line in lines:
        text, begins = line.strip(), _DEF.match(line)
        if quotes:
            block.append(line)
            quotes = "" if quotes in line else quotes
        elif begins:
            if block:
                yield block
            block, indent = [line], len(begins[1])
        elif block and (not text or _is_inside(line, indent)):
            block.append(line)
        elif block and text.startswith(_QUOTES):
            block.append(line)
            quotes = "" if len(text) > 3 and text.endswith(text[:3]) else text[:3]
        elif block:
            yield block
            block = []
    if block:
        yield block


def _is_inside(line: str, indent: int) -> bool:
    return line.startswith((" " * (indent + 1), "\t"))


def _is_prose(line: str) -> bool:
    text = line.strip()
    if text.startswith(("#", *_QUOTES)):
        return False
    return _PROSE.fullmatch(text) is not None and not any(mark in line for mark in _CODE_MARKS)


def imports(problem: Problem) -> list[str]:
    """The prompt's lines that look like imports, each once."""
    lines = (line.strip() for line in problem.prompt.split("\n"))
    return list(dict.fromkeys(line for line in lines if _IMPORT.fullmatch(line)))
