from __future__ import annotations

from typing import Any

import pytest

from collm.data.checks import DEEPEST, check_row
from collm.errors import CollmError


def nested(depth: int) -> Any:
    return [] if depth == 0 else [nested(depth - 1)]


def test_ordinary_rows_pass() -> None:
    check_row({"id": "é\U0001f600", "n": [1, 2.5, None, True, {"a": ("b",)}], 3: nested(DEEPEST - 2)}, "x[0]")


@pytest.mark.parametrize(
    ("row", "where", "problem"),
    [
        ({"task_id": "\ud800"}, "x[0].task_id", r"'\ud800'"),
        ({"a": [{"b": "fine"}, {"b": "x\udfff"}]}, "x[0].a[1].b", r"'\udfff'"),
        ({"a": {"\ud800": 1}}, "x[0].a", r"'\ud800'"),
        ({"a": nested(DEEPEST)}, "x[0]", "nested more than 100 deep"),
        ({"a": nested(900)}, "x[0]", "nested more than 100 deep"),
    ],
)
def test_what_cannot_be_handled_is_named(row: Any, where: str, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        check_row(row, "x[0]")
    assert caught.value.where == where
    assert problem in caught.value.problem
