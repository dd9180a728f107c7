from __future__ import annotations

from typing import Any, Literal

import pytest

from collm.base.settings import Settings
from collm.base.validation import validated
from collm.errors import CollmError


class _Inner(Settings):
    share: float = 0.0


class _Example(Settings):
    count: int = 1
    rate: float | None = None
    pair: tuple[float, float] = (0.0, 1.0)
    number: Literal[1, 2] = 1
    flag: bool = False
    either: bool | int = 0
    text: str = ""
    inner: _Inner = _Inner()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": True}, "here.count: must be a number, not true or false, got True"),
        ({"rate": False}, "here.rate: must be a number"),
        ({"pair": [0.5, True]}, "here.pair: must be a number"),
        ({"number": True}, "here.number: must be a number"),
        ({"inner": {"share": True}}, "here.inner.share: must be a number"),
        ({"rate": float("inf")}, "here.rate: Input should be a finite number"),
        ({"inner": {"share": float("nan")}}, "here.inner.share: Input should be a finite number"),
        ({"text": True}, "here.text: Input should be a valid string"),
        ({"odd": 1}, "here.odd: unknown key"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(CollmError) as caught:
        validated(_Example, values, "here")
    assert str(caught.value).startswith(said)


def test_what_fits_is_taken() -> None:
    values = {"count": 2, "rate": 3, "pair": [1, 2], "number": 2, "flag": True, "either": True, "text": "a"}
    made = validated(_Example, values, "here")
    assert made.model_dump(exclude={"inner"}) == {**values, "rate": 3.0, "pair": (1.0, 2.0)}
