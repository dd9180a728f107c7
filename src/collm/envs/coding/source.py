"""Parses Python that nobody vouches for."""

from __future__ import annotations

import ast
import symtable
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MAX_CHARACTERS = 20_000
"""Longer replies are not parsed: none of a sane length comes near."""

MAX_DEPTH = 1_000
"""Deeper code is a fault, long before any parser gives up, so that the caller's own depth decides nothing."""

MAX_ROW_DEPTH = 100
"""The same for a dataset's own code, which is written anew by functions that recurse."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_NAMED = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    ast.MatchAs,
    ast.MatchStar,
)
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


def parse(source: str, limit: int | None = MAX_CHARACTERS) -> ast.Module | Fault:
    """Parse a module; never raises, whatever the text. ``limit`` is ``None`` for what is no single reply."""
    if limit is not None and len(source) > limit:
        return Fault(f"longer than {limit} characters")
    return _parsed(source, MAX_DEPTH)


def parse_row(source: str) -> ast.Module | Fault:
    """Parse a dataset's own code, which may be long but not deep; never raises."""
    return _parsed(source, MAX_ROW_DEPTH)


def _parsed(source: str, most_levels: int) -> ast.Module | Fault:
    too_deep = Fault(f"nested deeper than {most_levels} levels")
    try:
        with _without_warnings():
            module = ast.parse(source)
    except SyntaxError as error:
        return Fault(error.msg, error.lineno or 0, error.offset or 0)
    except (RecursionError, MemoryError):
        return too_deep
    except ValueError as error:
        return Fault(f"cannot be parsed ({error})")
    return too_deep if _is_deeper(module, most_levels) else module


def _is_deeper(module: ast.Module, most_levels: int) -> bool:
    level: list[ast.AST] = [module]
    for _ in range(most_levels):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


@contextmanager
def _without_warnings() -> Iterator[None]:
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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


def bound_names(statement: ast.stmt) -> set[str]:
    """The names to which a statement gives a meaning where it stands; those of a star import are unknown."""
    if isinstance(statement, (FunctionNode, ast.ClassDef)):
        return {statement.name}
    return {name for node in own_nodes(statement) for name in bound_by(node)}


def bound_by(node: ast.AST) -> Iterator[str]:
    """The names that one node sets by itself, a function's parameters each by its own node."""
    match node:
        case ast.arg(arg=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.MatchMapping(rest=str(name)):
            yield name
        case _ if isinstance(node, _NAMED) and node.name is not None:
            yield node.name


def global_reads(source: str) -> set[str]:
    """The names that a module's source reads as globals, in whatever scope."""
    try:
        with _without_warnings():
            top = symtable.symtable(source, "<source>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        module = parse(source)
        return set() if isinstance(module, Fault) else names_read(module)
    names = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    waiting = top.get_children()
    while waiting:
        table = waiting.pop()
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        waiting += table.get_children()
    return names


def returns_value(function: FunctionNode) -> bool:
    """Whether the function itself has a ``return`` with a value."""
    return any(isinstance(node, ast.Return) and node.value is not None for node in own_nodes(function))


def functions(module: ast.Module) -> dict[str, FunctionNode]:
    """The functions at the top of a module, by name; a later one replaces an earlier one."""
    return {node.name: node for node in module.body if isinstance(node, FunctionNode)}
