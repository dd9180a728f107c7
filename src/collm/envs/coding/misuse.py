"""Finds calls of the helper whose result is thrown away."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import inf

from collm.envs.coding.source import SCOPES, names_read

_PURE = {
    *("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "float", "format", "frozenset"),
    *("int", "isinstance", "len", "list", "max", "min", "pow", "range", "repr", "reversed", "round", "set"),
    *("sorted", "str", "sum", "tuple", "type", "zip"),
}
_STANDALONE = "standalone call (not assigned)"
Takers = tuple[str, ...]
"""The variables that take a call's result; none if it is lost at once."""


def calls(node: ast.AST | None, names: Collection[str]) -> bool:
    """Whether a node is a call of one of the functions."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def misuses(node: ast.AST, names: Collection[str]) -> tuple[str, ...]:
    """The calls of the named functions whose result is lost, in the order of their lines."""
    return _told(node, lambda statement: _results(statement, names), _last_reads(node))


def plain_misuses(node: ast.AST, name: str) -> tuple[str, ...]:
    """As :func:`misuses`, but only bare calls and assignments to one name, and reads by their line."""
    return _told(node, lambda statement: _plain_results(statement, name), _last_lines(node))


def _told(
    node: ast.AST, find: Callable[[ast.stmt], Iterator[Takers]], last_read: Mapping[str, float]
) -> tuple[str, ...]:
    loops = [each for each in ast.walk(node) if isinstance(each, (ast.For, ast.While, ast.AsyncFor))]
    found: list[tuple[int, str]] = []
    for block in _blocks(node):
        effects = [(statement, names_read(statement), _assigned(statement)) for statement in block]
        for index, statement in enumerate(block):
            for takers in find(statement):
                until = _first_line_that_follows(statement, loops)
                after = range(index + 1, len(block))
                losses = [
                    _loss(name, (effects[n] for n in after), last_read.get(name, 0) >= until)
                    for name in takers
                ]
                if all(losses):
                    found.append((statement.lineno, losses[0] if losses else _STANDALONE))
    return tuple(f"Line {line}: {reason}" for line, reason in sorted(found))


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """Every list of statements in a node."""
    for each in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(each, name, None)
            if isinstance(block, list):
                yield block


def _loss(name: str, after: Iterable[tuple[ast.stmt, set[str], set[str]]], is_read: bool) -> str:
    """How a value is lost, given what comes after in its block reads and assigns; empty if it is used."""
    for statement, reads, writes in after:
        if name in reads:
            return ""
        if name in writes:
            return f"assigned to {name} but reassigned on line {statement.lineno} before use"
    return "" if is_read else f"assigned to {name} but never used"


def _assigned(statement: ast.stmt) -> set[str]:
    """The names that a plain assignment sets."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _first_line_that_follows(statement: ast.stmt, loops: Sequence[ast.stmt]) -> int:
    """From where on a read may come after the statement: a loop comes round again."""
    around = (loop for loop in loops if loop.lineno <= statement.lineno <= (loop.end_lineno or 0))
    return min((loop.lineno for loop in around), default=statement.lineno)


def _last_lines(node: ast.AST) -> dict[str, float]:
    lines: dict[str, float] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            lines[each.id] = max(each.lineno, lines.get(each.id, 0))
    return lines


def _last_reads(node: ast.AST) -> dict[str, float]:
    """As the lines tell; what inner functions read, or what is no name of the function's own, at any time."""
    reads = _last_lines(node)
    for each in ast.walk(node):
        if isinstance(each, (ast.Global, ast.Nonlocal)):
            reads |= dict.fromkeys(each.names, inf)
        elif isinstance(each, SCOPES) and each is not node:
            reads |= dict.fromkeys(names_read(each), inf)
    return reads


def _plain_results(statement: ast.stmt, name: str) -> Iterator[Takers]:
    match statement:
        case ast.Expr(value=value) if calls(value, (name,)):
            yield ()
        case ast.Assign(targets=[ast.Name(id=taker)], value=value) if calls(value, (name,)):
            yield (taker,)


def _results(statement: ast.stmt, names: Collection[str]) -> Iterator[Takers]:
    """For each call whose result goes to variables or nowhere, where it goes."""
    match statement:
        case (
            ast.Expr(value=ast.NamedExpr(target=target, value=value))
            | ast.AnnAssign(target=target, value=value)
        ):
            yield from _taken([target], value, names)
        case ast.Assign(targets=targets, value=value):
            yield from _taken(targets, value, names)
        case ast.Expr(value=value) if _is_lost(value, names):
            yield ()


def _taken(targets: Sequence[ast.expr], value: ast.expr | None, names: Collection[str]) -> Iterator[Takers]:
    """Assignments of several values are looked at value by value."""
    if calls(value, names):
        takers = tuple(target.id for target in targets if isinstance(target, ast.Name))
        if len(takers) == len(targets):
            yield takers
    elif isinstance(value, (ast.Tuple, ast.List)):
        columns = [target.elts for target in targets if isinstance(target, (ast.Tuple, ast.List))]
        parts = [value.elts, *columns]
        starred = any(isinstance(part, ast.Starred) for row in parts for part in row)
        if len(columns) == len(targets) and len({len(row) for row in parts}) == 1 and not starred:
            for own, *others in zip(*parts, strict=True):
                yield from _taken(others, own, names)


def _is_lost(value: ast.expr, names: Collection[str]) -> bool:
    """Whether the value of an expression that stands alone comes from a call and has no other effect."""
    if calls(value, names):
        return True
    return any(_is_lost(part, names) for part in _valued(value))


def _valued(value: ast.expr) -> Sequence[ast.expr]:
    """The parts of an expression that do nothing but give it its value."""
    match value:
        case ast.Call() if calls(value, _PURE):
            return [*value.args, *(keyword.value for keyword in value.keywords)]
        case ast.BoolOp(values=values):
            return values[-1:]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
            return [element]
        case ast.Call() | ast.NamedExpr() | ast.Lambda() | ast.DictComp():
            return []
        case ast.Await() | ast.Yield() | ast.YieldFrom():
            return []
    return [part for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr)]
