"""Parses Python that nobody vouches for."""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 20_000
"""Longer sources are not parsed: no reply of a sane length comes near."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_warnings_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a source does not parse.

    Attributes:
        line, column: where, from 1; 0 if unknown.
    """

    message: str
    line: int = 0
    column: int = 0


def parse(source: str) -> ast.Module | Fault:
    """Parse a module; never raises, whatever the text."""
    if len(source) > MAX_CHARACTERS:
        return Fault(f"longer than {MAX_CHARACTERS} characters")
    try:
        with _warnings_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return Fault(error.msg, error.lineno or 0, error.offset or 0)
    except (ValueError, RecursionError, MemoryError) as error:
        return Fault(f"cannot be parsed ({type(error).__name__})")


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is in it, without the bodies of functions and classes defined inside."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if current is node or not isinstance(current, SCOPES):
            waiting.extend(ast.iter_child_nodes(current))


def names_read(node: ast.AST) -> set[str]:
    """Every name that is read anywhere in a node."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_written(node: ast.AST) -> set[str]:
    """Every name that is assigned anywhere in a node."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def returns_value(function: FunctionNode) -> bool:
    """Whether the function itself has a ``return`` with a value."""
    return any(isinstance(node, ast.Return) and node.value is not None for node in own_nodes(function))


def functions(module: ast.Module) -> dict[str, FunctionNode]:
    """The functions at the top of a module, by name; a later one replaces an earlier one."""
    return {node.name: node for node in module.body if isinstance(node, FunctionNode)}
