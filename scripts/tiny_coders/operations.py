"""What a helper may do with one item: test it or turn it into something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do with an item.

    Attributes:
        words: what follows "that" for a test, what is taken "of" each item otherwise.
        code: an expression in ``{x}``, the item, and ``{bound}``, a parameter, if the words speak of one.
        gives: ``test``, ``number`` or ``text``.
    """

    words: str
    code: str
    gives: str

    @property
    def bounded(self) -> bool:
        """Whether it needs a further parameter."""
        return "{bound}" in self.code


def _tests(pairs: Mapping[str, str]) -> tuple[Operation, ...]:
    return tuple(Operation(words, code, "test") for words, code in pairs.items())


def _values(gives: str, pairs: Mapping[str, str]) -> tuple[Operation, ...]:
    return tuple(Operation(words, code, gives) for words, code in pairs.items())


_OF_NUMBERS = (
    *_tests(
        {
            "are even": "{x} % 2 == 0",
            "are odd": "{x} % 2 == 1",
            "are positive": "{x} > 0",
            "are negative": "{x} < 0",
            "are multiples of three": "{x} % 3 == 0",
            "are larger than {bound}": "{x} > {bound}",
            "differ from {bound}": "{x} != {bound}",
        }
    ),
    *_values(
        "number",
        {
            "double": "2 * {x}",
            "square": "{x} ** 2",
            "absolute value": "abs({x})",
            "negative": "-{x}",
            "sum with {bound}": "{x} + {bound}",
        },
    ),
    *_values("text", {"decimal form": "str({x})"}),
)
_OF_LETTERS = _tests(
    {
        "are vowels": '{x} in "aeiou"',
        "are digits": "{x}.isdigit()",
        "are letters": "{x}.isalpha()",
        "are upper case": "{x}.isupper()",
        "are no spaces": '{x} != " "',
    }
) + _values("text", {"upper-case form": "{x}.upper()", "lower-case form": "{x}.lower()", "double": "2 * {x}"})
_OF_WORDS = (
    *_tests(
        {
            "are palindromes": "{x} == {x}[::-1]",
            "are in lower case": "{x}.islower()",
            "consist of digits": "{x}.isdigit()",
            "are not empty": '{x} != ""',
            "start with {bound}": "{x}.startswith({bound})",
        }
    ),
    *_values("number", {"length": "len({x})", "count of a": '{x}.count("a")'}),
    *_values(
        "text",
        {
            "upper-case form": "{x}.upper()",
            "lower-case form": "{x}.lower()",
            "reverse": "{x}[::-1]",
            "first letter": "{x}[:1]",
            "end without spaces": "{x}.strip()",
        },
    ),
)
_OF_ROWS = _tests({"are empty": "not {x}", "are longer than two": "len({x}) > 2"}) + _values(
    "number", {"length": "len({x})", "sum": "sum({x})", "largest number": "max({x}, default=0)"}
)

OPERATIONS: Mapping[str, Sequence[Operation]] = {
    "number": _OF_NUMBERS,
    "letter": _OF_LETTERS,
    "word": _OF_WORDS,
    "row": _OF_ROWS,
}
