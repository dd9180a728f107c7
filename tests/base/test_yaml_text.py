from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collm.base.yaml_text import parse_yaml, read_yaml, to_yaml
from collm.errors import CollmError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(TREES)
@example({"\x85": ["a\u2028b", "\u2029 c"]})
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse_yaml(to_yaml(value), "there") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8:10", "8:10"),
        (":8", ":8"),
        ("1e-5", 1e-5),
        ("5.0e-6", 5e-6),
        ("-1E3", -1000.0),
        (".5", 0.5),
        ("1_000", 1000),
        ("007", "007"),
        ("no", "no"),
        ("on", "on"),
        ("false", False),
        ("2020-01-01", "2020-01-01"),
        ("", None),
        ("~", None),
        ("-", [None]),
        (".inf", math.inf),
        ("e5", "e5"),
        ("{<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ],
)
def test_scalars_mean_what_people_mean(text: str, value: Any) -> None:
    assert parse_yaml(text, "there") == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' is given twice, line 3, column 1"),
        ("a: {b: 1, b: 2}", "the key 'b' is given twice"),
        ("a: [1", "line 1"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("\x00", "unacceptable character"),
        ("[" * 5000, "nested too deeply"),
        ("? [1]\n: 2", "unhashable key"),
        ("a: 1\nseed: !!int abc", "'abc' cannot be read as int, line 2, column 7"),
        ("!!int ''", "'' cannot be read as int"),
        ("!!bool maybe", "'maybe' cannot be read as bool"),
        ("!!float fast", "'fast' cannot be read as float"),
        ("!!timestamp foo", "'foo' cannot be read as timestamp"),
        ("!!timestamp 2020-13-45", "cannot be read as timestamp"),
        ("!!binary é", "line 1"),
        ("9" * 5000, "... (5000 characters) cannot be read as int"),
    ],
)
def test_a_fault_is_one_line_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        parse_yaml(text, "mine.yaml")
    assert caught.value.where == "mine.yaml"
    assert problem in caught.value.problem
    assert "\n" not in str(caught.value)


def test_a_file_must_be_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff\xfea")
    with pytest.raises(CollmError, match=r"mine\.yaml: not a text in UTF-8"):
        read_yaml(file)
    file.write_text("a: ü", encoding="utf-8")
    assert read_yaml(file) == {"a": "ü"}
