"""Finds calls of the helper whose result is thrown away."""

from __future__ import annotations

import ast
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_GOES_ON = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Lambda)
"""Expressions that do something with a value though they stand alone."""
STANDALONE, UNUSED = "standalone call (not assigned)", "assigned to {} but never used"
_OVERWRITTEN = "assigned to {} but reassigned on line {} before use"

Place = tuple[int, int]
Reads = Mapping[str, Sequence[Place]]
"""Where each name is read, as (line, column), in order."""


def losses(statements: Sequence[ast.stmt], names: Collection[str]) -> tuple[str, ...]:
    """The calls of the named functions whose result is lost, in words.

    A result is lost if its call stands alone, if no name that takes it is ever read, or if its name is
    given another value in the same block before it is.
    """
    reads = _reads(statements)
    lost = [
        loss
        for statement in statements
        for block in _blocks(statement)
        for loss in (*_unused(block, names, reads), *_overwritten(block, names, reads))
    ]
    return tuple(f"Line {line}: {reason}" for line, reason in sorted(lost))


def _reads(statements: Iterable[ast.stmt]) -> Reads:
    places: dict[str, list[Place]] = {}
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            places.setdefault(node.id, []).append((node.lineno, node.col_offset))
    return {name: sorted(reads) for name, reads in places.items()}


def _blocks(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """Every list of statements in a statement."""
    for node in ast.walk(statement):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _unused(block: Sequence[ast.stmt], names: Collection[str], reads: Reads) -> Iterator[tuple[int, str]]:
    for statement in block:
        takers = _takers(statement, names)
        if takers is not None and reads.keys().isdisjoint(takers):
            yield statement.lineno, UNUSED.format(takers[0]) if takers else STANDALONE


def _overwritten(
    block: Sequence[ast.stmt], names: Collection[str], reads: Reads
) -> Iterator[tuple[int, str]]:
    """One way down a block, with the results whose names have not been set again yet."""
    taken: dict[str, ast.stmt] = {}
    for statement in block:
        for name in _set_anew(statement):
            earlier = taken.pop(name, None)
            if name in reads and earlier is not None and not _is_read(reads[name], earlier, statement):
                yield earlier.lineno, _OVERWRITTEN.format(name, statement.lineno)
        takers = _takers(statement, names) or ()
        if len(takers) == 1:
            taken[takers[0]] = statement


def _is_read(places: Sequence[Place], after: ast.stmt, until: ast.stmt) -> bool:
    """Whether a place lies behind one statement and no later than the end of another."""
    first, last = (bisect(places, _end(statement)) for statement in (after, until))
    return first < last


def _end(statement: ast.stmt) -> Place:
    return statement.end_lineno or 0, statement.end_col_offset or 0


def _takers(statement: ast.stmt, names: Collection[str]) -> tuple[str, ...] | None:
    """The variables that take a call's result: none if it is lost at once, ``None`` if it goes elsewhere."""
    match statement:
        case ast.Assign(targets=targets, value=value) if _is_call(value, names):
            return _variables(targets)
        case ast.AnnAssign(target=target, value=value) if _is_call(value, names):
            return _variables([target])
        case ast.Expr(value=value) if _comes_to_nothing(value, names):
            return ()
    return None


def _variables(targets: Sequence[ast.expr]) -> tuple[str, ...] | None:
    names = tuple(target.id for target in targets if isinstance(target, ast.Name))
    return names if len(names) == len(targets) else None


def _set_anew(statement: ast.stmt) -> Iterable[str]:
    """The names that a plain assignment sets."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return (target.id for target in targets if isinstance(target, ast.Name))


def _is_call(node: ast.AST | None, names: Collection[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _comes_to_nothing(value: ast.expr, names: Collection[str]) -> bool:
    """Whether an expression that stands alone calls the named functions and nothing else."""
    nodes = list(ast.walk(value))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    goes_on = any(isinstance(node, _GOES_ON) for node in nodes)
    return bool(calls) and not goes_on and all(_is_call(call, names) for call in calls)
