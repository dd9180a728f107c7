"""How the main function uses the helper, read off its AST (paper appendix F.2)."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from collm.envs.coding.analysis.losses import losses
from collm.envs.coding.source import FunctionNode, bound_by, bound_names, functions

AUX = "aux"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the analysis found.

    Attributes:
        called: main, or something of its own that it leads to, calls the helper.
        wrapper: main hands the helper's result on and does nothing else.
        misuses: calls whose result is thrown away, in words.
    """

    called: bool = False
    wrapper: bool = False
    misuses: tuple[str, ...] = ()

    @property
    def effective(self) -> bool:
        """The helper does some of the work and main does some."""
        return self.called and not self.wrapper and not self.misuses


def analyse(module: ast.Module, entry_point: str) -> Usage:
    """Analyse the module that holds the main function; the work grows with its nodes and no faster."""
    main = functions(module).get(entry_point)
    if main is None:
        return Usage()
    reached = [node for node in _reached(module, entry_point) if not _gives_another_meaning(node)]
    names = {AUX} | {name for node in reached for name in _aliases(node)}
    return Usage(
        called=any(_calls(node, names) for node in reached),
        wrapper=main in reached and _hands_on(main, names),
        misuses=losses(reached, names),
    )


def _reached(module: ast.Module, entry_point: str) -> Iterator[ast.stmt]:
    """Main and the statements beside it, such as functions, classes and constants, that it leads to."""
    meanings = _meanings(module)
    waiting, names, statements = [entry_point], set[str](), set[ast.stmt]()
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        for statement in meanings.get(name, ()):
            if statement not in statements:
                statements.add(statement)
                yield statement
                waiting += {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _meanings(module: ast.Module) -> dict[str, list[ast.stmt]]:
    """The statements that give each name its meaning; a function or class replaces what was before."""
    meanings: dict[str, list[ast.stmt]] = {}
    for statement in module.body:
        for name in bound_names(statement):
            if isinstance(statement, (FunctionNode, ast.ClassDef)):
                meanings[name] = []
            meanings.setdefault(name, []).append(statement)
    return meanings


def _gives_another_meaning(node: ast.stmt) -> bool:
    """Whether something in the node, in whatever scope, sets the helper's name."""
    return any(AUX in bound_by(each) for each in ast.walk(node))


def _aliases(node: ast.stmt) -> Iterator[str]:
    """Other names that are given to the helper."""
    for each in ast.walk(node):
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id="aux")):
                yield name


def _calls(node: ast.stmt, names: Collection[str]) -> bool:
    """Whether one of the functions is called, or given away to be called."""
    return any(
        _is_one_of(part, names)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        for part in (call.func, *call.args, *(keyword.value for keyword in call.keywords))
    )


def _is_one_of(node: ast.AST | None, names: Collection[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _hands_on(function: FunctionNode, names: Collection[str]) -> bool:
    """Whether a straight body gives back what the helper gave, under however many names."""
    results: set[str] = set()
    for statement in function.body:
        match statement:
            case ast.Return(value=value):
                return _is_result(value, names, results)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if _is_result(statement.value, names, results):
                    results.add(name)
                elif not isinstance(statement.value, (ast.Name, ast.Constant)):
                    return False
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case _:
                return False
    return False


def _is_result(value: ast.expr | None, names: Collection[str], results: Collection[str]) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return _is_one_of(called, names) or _is_one_of(value, results)
