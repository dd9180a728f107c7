"""How the main function uses the helper, read off its AST (paper appendix F.2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collm.envs.coding.source import FunctionNode, functions, names_read

AUX = "aux"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the analysis found.

    Attributes:
        called: main, or a function of its own that it calls, calls the helper.
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
    known = functions(module)
    if entry_point not in known:
        return Usage()
    reached = list(_reached(known, entry_point))
    return Usage(
        called=any(_calls(function) for function in reached),
        wrapper=_is_wrapper(known[entry_point]),
        misuses=tuple(reason for function in reached for reason in misuses(function)),
    )


def _reached(known: dict[str, FunctionNode], entry_point: str) -> Iterator[FunctionNode]:
    """Main and the functions beside it that it leads to."""
    waiting, seen = [entry_point], set[str]()
    while waiting:
        name = waiting.pop()
        if name in known and name not in seen and name != AUX:
            seen.add(name)
            yield known[name]
            waiting += (node.id for node in ast.walk(known[name]) if isinstance(node, ast.Name))


def _calls(function: FunctionNode) -> bool:
    """Whether the helper is called, or given away to be called, and is not a name of the function's own."""
    return not _shadows(function) and any(
        _is_aux_call(node) or (isinstance(node, ast.Call) and any(map(_is_aux, _arguments(node))))
        for node in ast.walk(function)
    )


def _shadows(function: FunctionNode) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == AUX and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.arg) and node.arg == AUX:
            return True
        if isinstance(node, (FunctionNode, ast.ClassDef)) and node is not function and node.name == AUX:
            return True
    return False


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _is_aux(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == AUX


def _is_aux_call(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and _is_aux(node.func)


def _is_wrapper(function: FunctionNode) -> bool:
    """Whether every path through a straight body gives back what the helper gave, or there is no body."""
    body = [node for node in function.body if not _is_idle(node)]
    aliases: set[str] = set()
    for statement in body:
        match statement:
            case ast.Return(value=value):
                return _is_aux_call(value) or (isinstance(value, ast.Name) and value.id in aliases)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                if _is_aux_call(value) or (isinstance(value, ast.Name) and value.id in aliases):
                    aliases.add(name)
                elif not isinstance(value, (ast.Name, ast.Constant)):
                    return False
            case _:
                return False
    return not body


def _is_idle(node: ast.stmt) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))


def misuses(function: FunctionNode) -> tuple[str, ...]:
    """Calls of the helper whose result is lost, in the order of their lines."""
    loops = [node for node in ast.walk(function) if isinstance(node, (ast.For, ast.While, ast.AsyncFor))]
    last_read: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            last_read[node.id] = max(node.lineno, last_read.get(node.id, 0))
    found = [each for block in _blocks(function) for each in _block_misuses(block, loops, last_read)]
    return tuple(f"Line {line}: {reason}" for line, reason in sorted(found))


def _blocks(function: FunctionNode) -> Iterator[Sequence[ast.stmt]]:
    """Every list of statements in the function."""
    for node in ast.walk(function):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _block_misuses(
    block: Sequence[ast.stmt], loops: Sequence[ast.stmt], last_read: Mapping[str, int]
) -> Iterator[tuple[int, str]]:
    reads, writes = (
        [names_read(statement) for statement in block],
        [_assigned(statement) for statement in block],
    )
    for index, statement in enumerate(block):
        match statement:
            case ast.Expr(value=value) if _is_aux_call(value):
                yield statement.lineno, "standalone call (not assigned)"
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_aux_call(value):
                later = range(index + 1, len(block))
                after = next((n for n in later if name in reads[n] or name in writes[n]), None)
                if after is not None and name not in reads[after]:
                    line = block[after].lineno
                    yield statement.lineno, f"assigned to {name} but reassigned on line {line} before use"
                elif after is None and last_read.get(name, 0) < _first_line_that_follows(statement, loops):
                    yield statement.lineno, f"assigned to {name} but never used"


def _assigned(statement: ast.stmt) -> set[str]:
    """The names that a plain assignment sets."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _first_line_that_follows(statement: ast.stmt, loops: Sequence[ast.stmt]) -> int:
    """From where on a read may come after the statement: a loop comes round again."""
    around = (loop for loop in loops if loop.lineno <= statement.lineno <= (loop.end_lineno or 0))
    return min((loop.lineno for loop in around), default=statement.lineno)
