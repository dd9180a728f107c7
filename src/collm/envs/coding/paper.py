"""Reads replies by their AST, so that any valid way to write the function counts (paper appendix F.2).

Of each reply the definitions at the top level are kept: imports, functions, classes, constants. Examples,
printing and prose go. Text that is not Python as a whole is searched for parts that are.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from collm.envs.coding.problem import Problem
from collm.envs.coding.reading import Definition, Reading
from collm.envs.coding.source import MAX_CHARACTERS, Fault, FunctionNode, functions, parse, returns_value
from collm.envs.coding.suite import prompt_preamble
from collm.envs.coding.usage import AUX, Usage, analyse

_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_FENCE_LINE = re.compile(r"^\s*```.*$", re.MULTILINE)
_CONTINUES = re.compile(r"[)\]}]|(?:else|elif|except|finally)\b")
_STARTS_CODE = re.compile(r"(?:async\s+def|def|class|from|import|try)\b|@|[A-Za-z_]\w*\s*(?::[^=\n]+)?=")
_KEPT = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.Try,
)
_LONGEST_BLOCK, _LONGEST_SIGNATURE, _MOST_PIECES = 6, 10, 200


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of one reply."""

    source: str
    definition: Definition


def read(problem: Problem, main_reply: str, aux_reply: str | None) -> Reading:
    """The joint program: the prompt's own helpers, then aux's part, then main's."""
    aux = Part("", Definition()) if aux_reply is None else extract(aux_reply, AUX, problem.entry_point)
    main = extract(main_reply, problem.entry_point, AUX)
    code = _joined([prompt_preamble(problem), aux.source, main.source])
    whole, module = parse(code), parse(main.source)
    usage = analyse(module, problem.entry_point) if isinstance(module, ast.Module) else Usage()
    together = aux_reply is not None
    return Reading(
        aux=aux.definition,
        main=main.definition,
        code=code,
        fault=whole if isinstance(whole, Fault) else None,
        aux_called=together and usage.called,
        wrapper=together and usage.wrapper,
        aux_ignored=together and bool(usage.misuses),
        misuses=usage.misuses if together else (),
    )


def extract(reply: str, name: str, other: str) -> Part:
    """Keep a reply's definitions, all but a function called ``other``, which is another agent's to write."""
    short = reply[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
    text = _unfenced(short, name)
    module = parse(text)
    if isinstance(module, Fault):
        return _salvaged(text, name, other)
    kept = list(_segments(text, module, other))
    function = functions(module).get(name)
    if function is None:
        return Part("\n\n".join(kept), Definition())
    return Part("\n\n".join(kept), Definition(_segment(text.split("\n"), function), returns_value(function)))


def _unfenced(reply: str, name: str) -> str:
    """The code blocks of a reply if the function is in them, else the reply without the fences."""
    fenced = "\n\n".join(textwrap.dedent(block) for block in _FENCED.findall(reply))
    if _declares(fenced, name):
        return fenced
    return textwrap.dedent(_FENCE_LINE.sub("", reply))


def _declares(text: str, name: str) -> bool:
    return re.search(rf"^(?:async\s+)?def\s+{re.escape(name)}\s*\(", text, re.MULTILINE) is not None


def _segments(text: str, module: ast.Module, other: str) -> Iterator[str]:
    lines = text.split("\n")
    for node in module.body:
        if isinstance(node, _KEPT) and not (isinstance(node, FunctionNode) and node.name == other):
            yield _segment(lines, node)


def _segment(lines: Sequence[str], node: ast.stmt) -> str:
    """A statement's own text, decorators included; columns count bytes."""
    decorators = getattr(node, "decorator_list", [])
    first = decorators[0].lineno if decorators else node.lineno
    own = list(lines[first - 1 : node.end_lineno])
    own[-1] = own[-1].encode()[: node.end_col_offset].decode()
    if not decorators:
        own[0] = own[0].encode()[node.col_offset :].decode()
    return "\n".join(own)


def _salvaged(text: str, name: str, other: str) -> Part:
    """The parts of a text that are Python; the wanted function itself is kept even if it is broken."""
    kept: list[str] = []
    wanted = Definition()
    for block in _blocks(text):
        module = parse(block)
        if isinstance(module, ast.Module):
            kept += _segments(block, module, other)
            function = functions(module).get(name)
            if function is not None:
                wanted = Definition(_segment(block.split("\n"), function), returns_value(function))
        elif _declares(block, name):
            kept.append(block)
            wanted = Definition(block, _has_signature(block) and _has_return(block))
    return Part("\n\n".join(kept), wanted)


def _blocks(text: str) -> Iterator[str]:
    """Runs of lines that start a statement at the margin, each as long as it takes to be Python."""
    pieces = list(islice(_pieces(text.split("\n")), _MOST_PIECES))
    at = 0
    while at < len(pieces):
        if not _STARTS_CODE.match(pieces[at]):
            at += 1
            continue
        lengths = range(1, min(_LONGEST_BLOCK, len(pieces) - at) + 1)
        candidates = ((n, "\n".join(pieces[at : at + n])) for n in lengths)
        length, block = next(
            ((n, block) for n, block in candidates if isinstance(parse(block), ast.Module)), (1, pieces[at])
        )
        yield block.rstrip()
        at += length


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Each line at the margin with the indented, blank and closing lines after it."""
    current: list[str] = []
    for line in lines:
        at_margin = line[:1].strip() != ""
        after_decorator = bool(current) and current[-1].startswith("@")
        if at_margin and current and not _CONTINUES.match(line) and not after_decorator:
            yield "\n".join(current)
            current = []
        current.append(line)
    yield "\n".join(current)


def _has_signature(block: str) -> bool:
    """Whether the text up to a colon is a valid ``def``."""
    lines = block.split("\n")
    headers = ("\n".join(lines[:count]) + "\n    pass" for count in range(1, _LONGEST_SIGNATURE + 1))
    return any(isinstance(parse(header), ast.Module) for header in headers)


def _has_return(block: str) -> bool:
    return re.search(r"^\s+return\b[ \t]*[^\s#]", block, re.MULTILINE) is not None


def _joined(parts: Iterable[str]) -> str:
    """One module; ``from __future__`` lines move to its top, where alone they are valid."""
    lines = "\n\n".join(part for part in parts if part).split("\n")
    future = dict.fromkeys(line for line in lines if line.startswith("from __future__ import"))
    return "\n".join([*future, *(line for line in lines if line not in future)])
