"""What a row from a file or from standard input may hold: texts that can be written, nested not too deep."""

from __future__ import annotations

from typing import Any

from collm.errors import CollmError

DEEPEST = 100


def check_row(row: Any, where: str) -> None:
    """Test that a row's texts can be encoded and that it is not nested too deep to be handled.

    JSON may spell half of a surrogate pair, such as ``"\\\\ud800"``, which no file and no tokenizer takes.

    Raises:
        CollmError: naming the place in the row.
    """
    waiting: list[tuple[str, int, Any]] = [(where, 0, row)]
    while waiting:
        place, depth, value = waiting.pop()
        if depth > DEEPEST:
            problem = f"it is nested more than {DEEPEST} deep."
            raise CollmError(where, problem, "write the row with fewer brackets.")
        if isinstance(value, str):
            _check_text(value, place)
        elif isinstance(value, dict):
            for key in value:
                _check_text(str(key), place)
            waiting += [(f"{place}.{key}", depth + 1, inner) for key, inner in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{place}[{index}]", depth + 1, inner) for index, inner in enumerate(value)]


def _check_text(text: str, place: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        problem = f"half of a surrogate pair, {text[error.start]!r}, is no character."
        raise CollmError(place, problem, "write the whole character.") from None
