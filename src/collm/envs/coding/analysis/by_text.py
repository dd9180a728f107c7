"""How main uses the helper, as the paper's reference code tells it: mostly by text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from collm.envs.coding.analysis.losses import STANDALONE, UNUSED
from collm.envs.coding.source import parse

_QUOTES = ('"""', "'''")
_IGNORED = re.compile(r"aux\s\([^)]\)")


def mentions_call(main: str) -> bool:
    """Whether the text has ``aux(``, be it in a comment."""
    return re.search(r"\baux\s*\(", main) is not None


def is_wrapper(main: str) -> bool:
    """No body, one ``return`` that mentions aux, or ``v = aux(...)`` then ``return v``; never more lines."""
    body = list(_body(main))
    if len(body) == 1:
        return body[0].startswith("return ") and "aux" in body[0]
    if len(body) == 2:
        assignment = re.search(r"\b(\w+)\s*=\s*aux\s*\(", body[0])
        return assignment is not None and body[1] == f"return {assignment[1]}"
    return bool(main) and not body


def _body(main: str) -> Iterator[str]:
    """The lines of a function without its head, blank lines, comments and docstrings.

    Quotes that close a docstring on a line of their own open another one, which takes in what follows.
    """
    quoted = False
    for line in map(str.strip, main.split("\n")):
        if line.startswith(_QUOTES):
            quoted = quoted if len(line) > 3 and line.endswith(line[:3]) else True
        elif quoted:
            quoted = not any(quotes in line for quotes in _QUOTES)
        elif line and not line.startswith(("#", "def ")):
            yield line


def is_ignored(main: str) -> bool:
    """A line that is ``aux (x)``, with one space and one character, which is all that the code detects."""
    return any(_IGNORED.fullmatch(line.strip()) for line in main.split("\n"))


def told_misuses(main: str) -> tuple[str, ...]:
    """The calls that feedback blames: all that stand alone, and all that are assigned to a name.

    The reference looks for reads of the name among those that it has met so far, hence never finds one.
    """
    module = parse(main)
    if not isinstance(module, ast.Module):
        return ()
    blamed = ((node, _blame(node)) for node in _in_order(module) if isinstance(node, (ast.Expr, ast.Assign)))
    return tuple(f"Line {node.value.lineno}: {blame}" for node, blame in blamed if blame)


def _blame(statement: ast.Expr | ast.Assign) -> str:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="aux"))):
            return STANDALONE
        case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id="aux"))):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            return UNUSED.format(names[0]) if names else ""
    return ""


def _in_order(module: ast.Module) -> Iterator[ast.AST]:
    """Every node, each before what is in it and that before its neighbours."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(ast.iter_child_nodes(node)))
