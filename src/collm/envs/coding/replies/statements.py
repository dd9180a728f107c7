"""The statements at the top of a reply: what each defines, and which of them its functions need."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from collm.envs.coding.source import (
    MAX_CHARACTERS,
    FunctionNode,
    bound_names,
    global_reads,
    own_nodes,
    parse,
    returns_value,
)

_CHANGING = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popleft", "remove"),
    *("reverse", "setdefault", "sort", "update"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a reply.

    Attributes:
        node, source: the statement itself.
        sets: the names to which it gives a value, or whose value it changes.
        reads: the names that it needs from the rest of the module.
    """

    node: ast.stmt
    source: str
    sets: frozenset[str]
    reads: frozenset[str]

    @property
    def function(self) -> FunctionNode | None:
        return self.node if isinstance(self.node, FunctionNode) else None

    @property
    def returns(self) -> bool:
        return self.function is not None and returns_value(self.function)

    @property
    def of_the_future(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.module == "__future__"

    @property
    def imports(self) -> bool:
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @property
    def always_kept(self) -> bool:
        """It defines a function or class, or names that cannot be told."""
        return isinstance(self.node, (FunctionNode, ast.ClassDef)) or "*" in self.sets

    def serves(self, names: Collection[str]) -> bool:
        """Whether it is kept where these names are needed."""
        return self.always_kept or not self.sets.isdisjoint(names)


def statements(text: str, limit: int | None = MAX_CHARACTERS) -> Iterator[Statement]:
    """The statements at the top of a text; none if it is not Python."""
    module = parse(text, limit)
    lines = text.split("\n")
    for node in module.body if isinstance(module, ast.Module) else ():
        source = _segment(lines, node)
        sets = frozenset(bound_names(node) | set(_changed(node)))
        yield Statement(node, source, sets, frozenset(global_reads(source)))


def _segment(lines: Sequence[str], node: ast.stmt) -> str:
    """A statement's own text, decorators included; columns count bytes."""
    decorators = getattr(node, "decorator_list", [])
    first = decorators[0].lineno if decorators else node.lineno
    own = list(lines[first - 1 : node.end_lineno])
    own[-1] = own[-1].encode()[: node.end_col_offset].decode()
    if not decorators:
        own[0] = own[0].encode()[node.col_offset :].decode()
    return "\n".join(own)


def needed_names(all_statements: Iterable[Statement], roots: Iterable[str]) -> set[str]:
    """The names that the functions and classes read as globals, and what these need in turn."""
    meanings: dict[str, list[Statement]] = {}
    waiting, names = list(roots), set[str]()
    for statement in all_statements:
        waiting += statement.reads if statement.always_kept else ()
        for name in statement.sets:
            meanings.setdefault(name, []).append(statement)
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            for statement in meanings.pop(name, ()):
                waiting += statement.reads
    return names


def without_repeats(all_statements: Iterable[Statement]) -> Iterator[Statement]:
    """Leave out a function that repeats an earlier one of its name and is cut short."""
    best: dict[str, Statement] = {}
    for statement in all_statements:
        function = statement.function
        if function is not None:
            earlier = best.get(function.name)
            if earlier is not None and _is_cut(statement, earlier):
                continue
            best[function.name] = statement
        yield statement


def _is_cut(later: Statement, earlier: Statement) -> bool:
    begins_alike = _flush(earlier.source).startswith(_flush(later.source))
    return begins_alike or (earlier.returns and not later.returns)


def _flush(source: str) -> str:
    return "\n".join(map(str.strip, source.split("\n")))


def _changed(statement: ast.stmt) -> Iterator[str]:
    """The variables whose items, attributes or content a statement changes."""
    if isinstance(statement, (FunctionNode, ast.ClassDef)):
        return
    for node in own_nodes(statement):
        match node:
            case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                yield from _root(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr=method))):
                if method in _CHANGING:
                    yield from _root(value)


def _root(node: ast.expr) -> Iterator[str]:
    """The variable at the start of ``variable.attribute[item].method(...)``."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Subscript(value=value) | ast.Attribute(value=value) | ast.Call(func=value):
                node = value
            case _:
                return
    yield node.id
