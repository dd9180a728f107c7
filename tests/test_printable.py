from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.printable import printable

anything = st.text(st.characters())  # lone surrogates too
BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(anything)
def test_nothing_is_left_that_a_terminal_obeys_or_cannot_show(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") or character in "\n\t"
        assert unicodedata.bidirectional(character) not in BIDIRECTIONAL


@given(anything)
def test_once_is_enough(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@given(anything)
def test_what_is_safe_stays(text: str) -> None:
    safe = printable(text)
    assert printable(f"{text}\n\té 中 🙂") == f"{safe}\n\té 中 🙂"


@given(st.dictionaries(anything, st.lists(anything | st.floats(allow_nan=False) | st.none())))
def test_json_stays_json_of_the_same_value(value: dict[str, list[object]]) -> None:
    assert json.loads(printable(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\u001b]0;owned\u0007"),
        ("\x1b[2Jred\r\n", "\\u001b[2Jred\\u000d\n"),
        ("\x9b31m", r"\u009b31m"),
        ("a\x7fb\x00", r"a\u007fb\u0000"),
        ("left \u202eright\u2066", r"left \u202eright\u2066"),
        ("\udc80", r"\udc80"),
        ("line\u2028end\x85", r"line\u2028end\u0085"),
    ],
)
def test_escapes_are_visible(text: str, shown: str) -> None:
    assert printable(text) == shown
