"""How the main function uses the helper, read off its AST (paper appendix F.2)."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from collm.envs.coding.misuse import calls, misuses
from collm.envs.coding.source import FunctionNode, bound_names, functions

AUX = "aux"
_LONGEST_CHAIN = 5


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
    """Analyse the module that holds the main function."""
    main = functions(module).get(entry_point)
    if main is None:
        return Usage()
    reached = list(_reached(module, entry_point))
    helpers = _stand_ins({AUX}, [node for node in reached if node is not main])
    if any(isinstance(node, ast.Global) and AUX in node.names for node in _within(reached)):
        helpers = set()
    inside = [(node, _known_inside(node, helpers)) for node in reached]
    return Usage(
        called=any(_calls(node, names) for node, names in inside),
        wrapper=_is_wrapper(main, _known_inside(main, helpers)),
        misuses=tuple(reason for node, names in inside for reason in misuses(node, names)),
    )


def _reached(module: ast.Module, entry_point: str) -> Iterator[ast.stmt]:
    """Main and the statements beside it, such as functions, classes and constants, that it leads to."""
    meanings = _meanings(module)
    waiting, seen = list(meanings.get(entry_point, ())), set[ast.stmt]()
    while waiting:
        statement = waiting.pop(0)
        if statement not in seen:
            seen.add(statement)
            yield statement
            names = dict.fromkeys(node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
            waiting += (other for name in names for other in meanings.get(name, ()))


def _meanings(module: ast.Module) -> dict[str, list[ast.stmt]]:
    """The statements that give each name its meaning; a function or class replaces what was before."""
    meanings: dict[str, list[ast.stmt]] = {}
    for statement in module.body:
        for name in bound_names(statement):
            if isinstance(statement, (FunctionNode, ast.ClassDef)):
                meanings[name] = []
            meanings.setdefault(name, []).append(statement)
    return meanings


def _within(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    return (inner for node in nodes for inner in ast.walk(node))


def _stand_ins(names: Collection[str], nodes: Collection[ast.AST]) -> set[str]:
    """The names, and those of functions among the nodes that only hand on what they return."""
    found = set(names)
    for _ in range(_LONGEST_CHAIN):
        found |= {name for node in nodes for name in _standing_in(node, found)}
    return found


def _standing_in(node: ast.AST, names: Collection[str]) -> set[str]:
    """What a node calls a function that hands on what one of the named functions returns."""
    if isinstance(node, ast.FunctionDef):
        return {node.name} if _hands_on(node, set(names) - _bound_inside(node)) else set()
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_function(node.value, names):
        return _variables(node)
    return set()


def _variables(node: ast.Assign | ast.AnnAssign) -> set[str]:
    """The names that an assignment sets, if it sets nothing else."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return names if all(isinstance(target, ast.Name) for target in targets) else set()


def _is_function(value: ast.AST | None, names: Collection[str]) -> bool:
    """Whether a value is one of the named functions, or a lambda that hands on what it returns."""
    if isinstance(value, ast.Lambda):
        return calls(value.body, set(names) - _bound_inside(value))
    return _is_one_of(value, names)


def _known_inside(node: ast.AST, helpers: Collection[str]) -> set[str]:
    """The names by which the helper is known inside a node, unless it gives them another meaning."""
    inner = [each for each in ast.walk(node) if each is not node]
    return _stand_ins(set(helpers) - _bound_inside(node), inner)


def _bound_inside(node: ast.AST) -> set[str]:
    """Every name that something in the node gives a meaning, in whatever scope."""
    names: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.arg):
            names.add(each.arg)
        elif isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            names.add(each.id)
        elif isinstance(each, ast.stmt) and each is not node:
            names |= bound_names(each)
    return names


def _calls(node: ast.AST, names: Collection[str]) -> bool:
    """Whether one of the functions is called, or given away to be called."""
    return any(
        calls(call, names) or any(_is_one_of(part, names) for part in _arguments(call))
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
    )


def _is_one_of(node: ast.AST | None, names: Collection[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _is_wrapper(function: FunctionNode, names: Collection[str]) -> bool:
    return all(map(_is_idle, function.body)) or _hands_on(function, names)


def _hands_on(function: FunctionNode, names: Collection[str]) -> bool:
    """Whether a straight body gives back what one of the named functions gave."""
    results: set[str] = set()
    for statement in function.body:
        if isinstance(statement, ast.Return):
            return _is_result(statement.value, names, results)
        if _is_idle(statement) or (isinstance(statement, ast.FunctionDef) and statement.name in names):
            continue
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not _variables(statement):
            return False
        value = statement.value
        if _is_result(value, names, results):
            results |= _variables(statement)
        elif not isinstance(value, (ast.Name, ast.Constant)) and not _is_function(value, names):
            return False
    return False


def _is_result(value: ast.expr | None, names: Collection[str], results: Collection[str]) -> bool:
    if isinstance(value, ast.NamedExpr):
        return _is_result(value.value, names, results)
    return calls(value, names) or _is_one_of(value, results)


def _is_idle(node: ast.stmt) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))
