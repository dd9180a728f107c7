"""Turns ``check(candidate)`` into tests that can be judged one by one.

By the AST, so that asserts may span lines, stand in loops, or share preparations. A statement of
``check`` is a test if its outcome depends on the candidate and it can fail: it asserts, raises, or hands
the candidate's result to a helper that does, be it the test's own or one whose name starts with
``assert``. All other statements prepare the next tests.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

from collm.envs.coding.problem import Problem, prompt_module
from collm.envs.coding.source import (
    Fault,
    FunctionNode,
    functions,
    names_read,
    names_written,
    own_nodes,
    parse_row,
)
from collm.sandbox import Step
from collm.sandbox.inside.judge import DESCRIBE, IN_PLACE

LABEL_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one problem.

    Attributes:
        entry_point: the function that the tests call: the problem's, unless its row names another by
            mistake, as rows of converted datasets do.
        alias: the name by which the tests call it.
        preamble: what the tests need besides: the prompt's imports and helpers, the test's own.
        steps: preparations and tests.
        labels: the text of each test, as feedback shows it.
    """

    entry_point: str
    alias: str
    preamble: str
    steps: tuple[Step, ...]
    labels: tuple[str, ...]


@lru_cache(maxsize=4096)
def collect(problem: Problem) -> Suite:
    """The suite of a problem whose ``test`` is Python."""
    module = parse_row(problem.test)
    assert not isinstance(module, Fault), problem.id
    check = functions(module).get("check")
    body = module.body if check is None else check.body
    entry_point, alias = _names(problem, check, body)
    around = [node for node in module.body if node is not check] if check is not None else []
    preamble = _preamble(problem, [*_prompt_helpers(problem), *around])
    if check is not None and any(isinstance(node, ast.Return) for node in own_nodes(check)):
        steps, labels = _whole(check, alias, _judging(around))
        return Suite(entry_point, alias, preamble, steps, labels)
    sorted_out = list(_sort_out(body, {alias, entry_point}, _judging((*around, *body))))
    steps = tuple(Step(_source(node, alias), is_test) for node, is_test in sorted_out)
    labels = tuple(_label(node) for node, is_test in sorted_out if is_test)
    return Suite(entry_point, alias, preamble, steps, labels)


def _names(problem: Problem, check: FunctionNode | None, body: list[ast.stmt]) -> tuple[str, str]:
    """The real entry point, and its alias: the parameter of ``check`` or the function's own name."""
    parameter = check.args.args[0].arg if check is not None and check.args.args else "candidate"
    called = {name for statement in body for name in _called(statement)}
    if parameter in {name for statement in body for name in names_read(statement)}:
        return problem.entry_point, parameter
    known = {name for statement in body for name in names_written(statement)} | set(dir(builtins))
    unknown = called - known
    if problem.entry_point in called or len(unknown) != 1:
        return problem.entry_point, problem.entry_point
    name = unknown.pop()
    return name, name


def _called(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def _prompt_helpers(problem: Problem) -> list[ast.stmt]:
    """What the prompt gives besides the function that is asked for."""
    module = prompt_module(problem.prompt)
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    body = [] if module is None else module.body
    return [
        node for node in body if isinstance(node, kinds) and getattr(node, "name", "") != problem.entry_point
    ]


def _preamble(problem: Problem, statements: Iterable[ast.stmt]) -> str:
    """The statements, and before them ``math`` and what the row's own solution imports."""
    lines = [ast.unparse(node) for node in statements]
    future = [line for line in lines if line.startswith("from __future__ ")]
    others = [line for line in lines if line not in future]
    return "\n".join([*future, guarded_imports(["import math", *problem.imports]), *others])


def guarded_imports(lines: Iterable[str]) -> str:
    """Imports that tests may need, of which those that fail here are left out."""
    return "\n".join(f"try:\n    {line}\nexcept ImportError:\n    pass" for line in lines)


def prompt_preamble(problem: Problem) -> str:
    """The prompt's imports, constants and helper functions as source."""
    return "\n".join(ast.unparse(node) for node in _prompt_helpers(problem))


def _judging(statements: Iterable[ast.stmt]) -> set[str]:
    """The functions among the statements that can fail by themselves or by another of them."""
    known = [node for node in statements if isinstance(node, FunctionNode)]
    names: set[str] = set()
    while True:
        more = {node.name for node in known if any(_fails(inner, names) for inner in ast.walk(node))}
        if more <= names:
            return names
        names |= more


def _fails(node: ast.AST, helpers: set[str]) -> bool:
    """Whether a node asserts, raises, or calls what does."""
    if not isinstance(node, ast.Call):
        return isinstance(node, (ast.Assert, ast.Raise))
    match node.func:
        case ast.Name(id=name):
            return name in helpers or name.startswith("assert")
        case ast.Attribute(attr=name):
            return name.startswith("assert")
    return False


def _whole(check: FunctionNode, alias: str, helpers: set[str]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """A check that returns early cannot be taken apart, so it is one test, unless it cannot fail."""
    if not any(_fails(node, helpers) for node in ast.walk(check)):
        return (), ()
    call = f"{check.name}({alias})"
    return (Step(f"{_source(check, alias)}\n{call}"),), (call,)


def _sort_out(body: list[ast.stmt], names: set[str], helpers: set[str]) -> Iterator[tuple[ast.stmt, bool]]:
    """Each statement with whether it is a test."""
    dependent = set(names)
    for statement in body:
        if isinstance(statement, ast.Pass) or _is_text(statement):
            continue
        depends = bool(names_read(statement) & dependent)
        is_test = depends and _can_fail(statement, helpers)
        dependent |= set(_changed_by(statement, names))
        if depends and not is_test:
            dependent |= names_written(statement) | set(_touched(statement))
            if isinstance(statement, FunctionNode):
                dependent.add(statement.name)
        yield statement, is_test


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _can_fail(statement: ast.stmt, helpers: set[str]) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(
        _fails(node.value if isinstance(node, ast.Expr) else node, helpers)
        for node in own_nodes(statement)
        if isinstance(node, (ast.Assert, ast.Raise, ast.Expr))
    )


def _changed_by(statement: ast.stmt, names: set[str]) -> Iterator[str]:
    """The variables that are handed to the candidate for it to change what they hold."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Expr) and _is_call(node.value, names):
            yield from (value.id for value in _values(node.value) if isinstance(value, ast.Name))


def _values(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _is_call(node: ast.expr, names: set[str]) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _touched(statement: ast.stmt) -> Iterator[str]:
    """Names in calls made for their effect, for these may keep what they are given."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Expr):
            yield from names_read(node)


def _source(statement: ast.stmt, alias: str) -> str:
    """The statement as the judge runs it: calls work in place, equalities say how they failed."""
    changed = _InPlace(alias).visit(copy.deepcopy(statement))
    match changed:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), msg=None):
            return (
                f"__left__ = {ast.unparse(left)}\n__right__ = {ast.unparse(right)}\n"
                f"assert __left__ == __right__, {DESCRIBE}(__left__, __right__)"
            )
    return ast.unparse(changed)


class _InPlace(ast.NodeTransformer):
    """A call that is made for its effect may change what its arguments hold.

    No other call may: where its result is used, a program that emptied its argument would be compared
    with what it left.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        if _is_call(node.value, {self._alias}):
            node.value.func = ast.Name(IN_PLACE, ast.Load())
        return node


def _label(statement: ast.stmt) -> str:
    first, *others = ast.unparse(statement).splitlines()
    text = f"{first} ..." if others else first
    return text if len(text) <= LABEL_LIMIT else f"{text[:LABEL_LIMIT]}..."
