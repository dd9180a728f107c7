"""Problems to practise on: a source of items, an operation on each and a task, drawn at random."""

from __future__ import annotations

import builtins
import random
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword

from collm.envs.coding.problem import Problem
from scripts.tiny_coders.names import function_name, plural, word
from scripts.tiny_coders.operations import OPERATIONS, Operation
from scripts.tiny_coders.sources import ARGUMENTS, SOURCES, Source
from scripts.tiny_coders.tasks import TASKS, Task

_ITEM_NAMES: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "n"),
    "word": ("word", "item"),
    "letter": ("letter", "c"),
    "row": ("row", "item"),
}
_NAMES: Mapping[str, tuple[str, ...]] = {
    "numbers": ("numbers", "values", "prices", "scores", "heights"),
    "words": ("words", "names", "lines", "codes", "labels"),
    "rows": ("rows", "grid", "board", "pairs", "groups", "matrix"),
    "table": ("table", "stock", "games", "counts"),
    "text": ("text", "sentence", "message", "line"),
    "size": ("limit", "low", "high", "count", "year", "size"),
    "number": ("limit", "count", "bound", "minimum", "width"),
    "letter": ("mark", "sign"),
    "word": ("mark", "part", "prefix"),
}
_DETAILS = (
    "All of them are different.",
    "There may be none at all.",
    "Case matters.",
    "The order stays as it is.",
    "Nothing else counts.",
    "Equal ones are treated alike.",
    "The list is not changed.",
)
_TESTS = 5


@dataclass(frozen=True, slots=True)
class Practice:
    """A problem and the parts it was put together from."""

    name: str
    parameters: tuple[str, ...]
    item: str
    source: Source
    operation: Operation
    task: Task
    problem: Problem

    @property
    def header(self) -> str:
        """The first line of main."""
        return _header(self.name, self.source, self.operation, self.parameters)

    @property
    def bound(self) -> str:
        """The parameter that the operation speaks of, if it does."""
        return self.parameters[-1] if self.operation.bounded else ""


def draw(stream: random.Random) -> Practice:
    """A problem with its tests."""
    source = stream.choice(SOURCES)
    task = stream.choice(TASKS)
    fitting = [one for one in OPERATIONS[source.items] if one.gives in task.needs.split("|")]
    if not fitting or (task.returns == "dict" and source.items == "row"):
        return draw(stream)
    operation = stream.choice(fitting)
    name, parameters = function_name(stream), _parameters(source, operation, stream)
    free = [one for one in _ITEM_NAMES[source.items] if one not in parameters]
    item = stream.choice(free or ["one"])
    bare = Problem("practice", "", "", name)
    parts = Practice(name, parameters, item, source, operation, task, bare)
    calls = [_arguments(parts, stream) for _ in range(_TESTS)]
    results = _results(parts, calls)
    if results is None:
        return draw(stream)
    pairs = list(zip(calls, results, strict=True))
    problem = Problem("practice", _prompt(parts, pairs[-1], stream), _check(pairs), name)
    return Practice(name, parameters, item, source, operation, task, problem)


def inline(practice: Practice) -> str:
    """The operation on an item, written out."""
    return practice.operation.code.format(x=practice.item, bound=practice.bound)


def iterable(practice: Practice) -> str:
    """The items, as an expression."""
    return practice.source.code.format(a=practice.parameters[0], b=practice.parameters[-1])


def _parameters(source: Source, operation: Operation, stream: random.Random) -> tuple[str, ...]:
    kinds = [*source.kinds, *([source.items] if operation.bounded else [])]
    names: list[str] = []
    for kind in kinds:
        known = [name for name in _NAMES[kind] if name not in names]
        invented = plural(stream) if kind in ("numbers", "words", "rows") else word(stream)
        names.append(stream.choice(known) if stream.random() < 0.3 else _safe(invented, names))
    return tuple(names)


def _safe(name: str, taken: list[str]) -> str:
    """The name, changed if it is taken or means something to Python."""
    return f"{name}_given" if name in taken or iskeyword(name) or hasattr(builtins, name) else name


def _header(name: str, source: Source, operation: Operation, parameters: tuple[str, ...]) -> str:
    kinds = [source.annotation] * len(source.kinds)
    if operation.bounded:
        kinds.append("int" if source.items == "number" else "str")
    pairs = (f"{parameter}: {kind}" for parameter, kind in zip(parameters, kinds, strict=True))
    return f"def {name}({', '.join(pairs)})"


def _arguments(practice: Practice, stream: random.Random) -> list[object]:
    kinds = [*practice.source.kinds, *([practice.source.items] if practice.operation.bounded else [])]
    return [ARGUMENTS[kind](stream) for kind in kinds]


def _results(practice: Practice, calls: list[list[object]]) -> list[object] | None:
    """What the right function gives; ``None`` if it fails on one of the calls."""
    body = practice.task.bodies[0].format(x=practice.item, source=iterable(practice), call=inline(practice))
    space: dict[str, object] = {}
    exec(f"{practice.header}:\n" + indented(body), space)
    function = space[practice.name]
    assert callable(function)
    try:
        return [function(*call) for call in calls]
    except (TypeError, ValueError):
        return None


def indented(body: str) -> str:
    """Lines of a function's body."""
    return "\n".join(f"    {line}" for line in body.split("\n"))


def _prompt(practice: Practice, shown: tuple[list[object], object], stream: random.Random) -> str:
    things = practice.source.things.format(a=practice.parameters[0], b=practice.parameters[-1])
    what = practice.operation.words.format(bound=practice.bound)
    sentence = stream.choice(practice.task.sentences).format(things=things, what=what)
    details = f"\n\n    {stream.choice(_DETAILS)}" if stream.random() < 0.3 else ""
    call, result = shown
    example = f"\n\n    >>> {practice.name}({_written(call)})\n    {result!r}"
    return f'{practice.header} -> {practice.task.returns}:\n    """{sentence}{details}{example}\n    """\n'


def _check(pairs: list[tuple[list[object], object]]) -> str:
    lines = (f"    assert candidate({_written(call)}) == {result!r}" for call, result in pairs)
    return "\n".join(["def check(candidate):", *lines, ""])


def _written(call: list[object]) -> str:
    return ", ".join(map(repr, call))
