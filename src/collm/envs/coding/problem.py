"""Coding tasks: the record and the dataset schemas."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collm.envs.coding.source import Fault, FunctionNode, functions, parse_row
from collm.errors import CollmError


@dataclass(frozen=True, slots=True)
class Problem:
    """One task.

    Attributes:
        id: the task's name.
        prompt: Python source up to the docstring of the function that is asked for.
        test: Python source with ``check(candidate)``; empty if nobody can tell whether code is right.
        entry_point: the name of the function that is asked for.
        imports: the import statements of the row's own solution, which its tests may lean on.
    """

    id: str
    prompt: str
    test: str
    entry_point: str
    imports: tuple[str, ...] = ()


def parse_problem(row: Mapping[str, Any], where: str) -> Problem:
    """Read a row in the schema of CoopHumanEval and HumanEval, or in MBPP's own.

    Raises:
        CollmError: naming the field that does not fit.
    """
    if row.get("test_list") is not None:
        return _parse_mbpp(row, where)
    task_id, prompt, test, entry = (
        _text(row, key, where) for key in ("task_id", "prompt", "test", "entry_point")
    )
    if not entry.isidentifier() or keyword.iskeyword(entry):
        raise CollmError(f"{where}.entry_point", f"{entry!r} is not a function's name.", "correct it.")
    fault = parse_row(test)
    if isinstance(fault, Fault):
        place = f" in line {fault.line}" if fault.line else ""
        problem = f"not Python: {fault.message}{place}."
        raise CollmError(f"{where}.test", problem, "write def check(candidate): with assert statements.")
    return Problem(task_id, prompt, test, entry)


def untested_problem(prompt: str, where: str) -> Problem:
    """A problem without tests: the last function that the prompt declares is asked for.

    Raises:
        CollmError: if the prompt is no Python, or declares no function.
    """
    module = prompt_module(prompt)
    declared = [] if module is None else list(functions(module))
    if not declared:
        mend = "send Python up to a function's docstring, or a whole row as a JSON object."
        raise CollmError(where, "the text declares no function to write.", mend)
    return Problem(where, prompt, "", declared[-1])


def prompt_module(prompt: str) -> ast.Module | None:
    """The prompt as Python; ``None`` if it is prose. A function that lacks its body gets an empty one."""
    for source in (prompt, f"{prompt.rstrip()}\n    pass\n"):
        module = parse_row(source)
        if isinstance(module, ast.Module):
            return module
    return None


def entry_function(problem: Problem) -> FunctionNode | None:
    """The function that is asked for, as the prompt declares it."""
    module = prompt_module(problem.prompt)
    return None if module is None else functions(module).get(problem.entry_point)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if isinstance(value, int) and key == "task_id":
        return str(value)
    if not isinstance(value, str) or not value.strip():
        mend = "each row needs task_id, prompt, test and entry_point; collm docs coding has the schema."
        raise CollmError(f"{where}.{key}", "this field must be a text that is not blank.", mend)
    return value


def _texts(row: Mapping[str, Any], key: str, where: str) -> Sequence[str]:
    """A list of texts; a field that is absent or null is an empty one."""
    value = row.get(key)
    items = [] if value is None else list(value) if isinstance(value, (list, tuple)) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise CollmError(f"{where}.{key}", "this field must be a list of texts.", "correct the row.")
    return items


def _parse_mbpp(row: Mapping[str, Any], where: str) -> Problem:
    """MBPP as its authors publish it: a sentence, a solution and asserts that name the function."""
    code, tests = parse_row(_text(row, "code", where)), _texts(row, "test_list", where)
    sentence = _text(row, "prompt" if "prompt" in row else "text", where)
    suite = parse_row("\n".join(tests))
    if isinstance(code, Fault) or isinstance(suite, Fault):
        raise CollmError(f"{where}.test_list", "the code or the tests are not Python.", "correct the row.")
    called = [node.id for node in ast.walk(suite) if isinstance(node, ast.Name)]
    entry = next((function for name, function in functions(code).items() if name in called), None)
    if entry is None:
        raise CollmError(f"{where}.code", "it defines no function that the tests call.", "correct the row.")
    setup = [*_texts(row, "test_imports", where), row.get("test_setup_code") or ""]
    body = "\n".join(f"    {line}" for test in tests for line in test.splitlines())
    test = "\n".join([*map(str, filter(None, setup)), f"def check({entry.name}):", body, ""])
    if isinstance(parse_row(test), Fault):
        raise CollmError(f"{where}.test_setup_code", "it is not Python.", "correct the row.")
    return Problem(
        id=f"MBPP/{_text(row, 'task_id', where)}",
        prompt=f'def {entry.name}({ast.unparse(entry.args)}):\n    """{sentence.strip()}"""\n',
        test=test,
        entry_point=entry.name,
        imports=tuple(dict.fromkeys(_imports(code))),
    )


def _imports(module: ast.Module) -> Iterator[str]:
    """The imports at the top of a module, but those of the future."""
    for node in module.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            yield ast.unparse(node)


def renamed(problem: Problem, name: str) -> Problem:
    """The problem with another name for its function, in the prompt too."""
    declaration = rf"(\bdef\s+){re.escape(problem.entry_point)}\b"
    prompt = re.sub(declaration, rf"\g<1>{name}", problem.prompt)
    return replace(problem, prompt=prompt, entry_point=name)
