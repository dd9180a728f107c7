"""Where the items of a practice problem come from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_letters, digits

Value = object


@dataclass(frozen=True, slots=True)
class Source:
    """The parameters of a problem and the items in them.

    Attributes:
        kinds: of its parameters, in order.
        annotation: the type that goes into the signature for each.
        items: the type of an item.
        code: an expression in ``{a}`` and ``{b}``, the parameters' names.
        things: what the items are called in the sentence.
    """

    kinds: tuple[str, ...]
    annotation: str
    items: str
    code: str
    things: str


SOURCES = (
    Source(("numbers",), "list", "number", "{a}", "{a}"),
    Source(("words",), "list", "word", "{a}", "{a}"),
    Source(("words",), "list", "word", "{a}", "words in {a}"),
    Source(("rows",), "list", "row", "{a}", "rows of {a}"),
    Source(("table",), "dict", "word", "{a}", "keys of {a}"),
    Source(("table",), "dict", "number", "{a}.values()", "values of {a}"),
    Source(("text",), "str", "letter", "{a}", "characters of the {a}"),
    Source(("text",), "str", "word", "{a}.split()", "words of the {a}"),
    Source(("size",), "int", "number", "range({a})", "numbers below {a}"),
    Source(("size",), "int", "number", "range(1, {a} + 1)", "numbers from 1 to {a}"),
    Source(("size", "size"), "int", "number", "range({a}, {b} + 1)", "numbers from {a} to {b}"),
)

_LETTERS = "aaaeeeiioolrst" + ascii_letters + digits
_MARKS = " .,;:!?-+*/=()[]{}<>#&%_|'\"^~@$`\\"


def _word(stream: random.Random) -> str:
    return "".join(stream.choice(_LETTERS) for _ in range(stream.choice((0, 1, 2, 3, 4, 5))))


def _numbers(stream: random.Random) -> Value:
    return [stream.randint(-9, 30) for _ in range(stream.choice((0, 1, 2, 3, 4)))]


def _text(stream: random.Random) -> Value:
    pieces = (_word(stream) + stream.choice(_MARKS) for _ in range(stream.choice((0, 1, 2, 3))))
    return " ".join(pieces)


def _table(stream: random.Random) -> Value:
    return {_word(stream): stream.randint(-5, 20) for _ in range(stream.choice((0, 1, 2, 3)))}


ARGUMENTS: Mapping[str, Callable[[random.Random], Value]] = {
    "numbers": _numbers,
    "words": lambda stream: [_word(stream) for _ in range(stream.choice((0, 1, 2, 3)))],
    "rows": lambda stream: [_numbers(stream) for _ in range(stream.choice((0, 1, 2)))],
    "table": _table,
    "text": _text,
    "size": lambda stream: stream.randint(0, 12),
    "number": lambda stream: stream.randint(0, 12),
    "letter": lambda stream: stream.choice(_LETTERS),
    "word": lambda stream: stream.choice(_LETTERS),
}
"""An argument of each kind; often an empty one."""
