from __future__ import annotations

from collections import Counter, OrderedDict, namedtuple
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.sandbox.inside.plain import MalformedError, NotPlainError, decode, encode

LIMIT = 1 << 20
hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary(),
    lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner),
    max_leaves=10,
)
plain_data = st.recursive(
    hashable | st.binary().map(bytearray),
    lambda inner: st.lists(inner) | st.dictionaries(hashable, inner) | st.sets(hashable),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None)
@given(plain_data)
def test_plain_data_survives(value: Any) -> None:
    back = decode(encode(value, LIMIT))
    assert back == value
    assert type(back) is type(value)


@given(st.binary())
def test_any_bytes_decode_to_plain_data_or_are_malformed(data: bytes) -> None:
    try:
        value = decode(data)
    except MalformedError:
        return
    again = decode(encode(value, LIMIT))
    assert again == value or value != value or encode(again, LIMIT) == encode(value, LIMIT)


class Colour(IntEnum):
    RED = 7


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, 7),
        (Pair(1, [2]), (1, [2])),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(x=1), {"x": 1}),
        ("\udc80", "\udc80"),
        (True, True),
        (range(9, 0, -2), range(9, 0, -2)),
        ({"a": [1]}.keys(), {"a": 2}.keys()),
        ({"a": [1]}.items(), {"a": [1]}.items()),
        (OrderedDict(a=1).keys(), {"a": 2}.keys()),
        (-(10**300), -(10**300)),
    ],
)
def test_subclasses_arrive_as_their_base_type(value: Any, expected: Any) -> None:
    back = decode(encode(value, LIMIT))
    assert back == expected
    assert type(back) is type(expected)


def test_values_of_a_dict_arrive_as_such() -> None:
    back = decode(encode({"a": [1], "b": 2}.values(), LIMIT))
    assert type(back) is type({}.values())
    assert list(back) == [[1], 2]


def _deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "type object"),
        (iter([3]), "type list_iterator"),
        ([1, {2: print}], "builtin_function"),
        (_deep(200), "deeper"),
        ("x" * 100, "larger"),
        ([0] * 100, "larger"),
    ],
)
def test_anything_else_is_refused_with_its_reason(value: Any, reason: str) -> None:
    with pytest.raises(NotPlainError, match=reason):
        encode(value, 64 if reason == "larger" else LIMIT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Z",
        b"r\0\0\0\0",
        b"r\x01\0\0\0N",
        b"p\x01\0\0\0N",
        b"i\xff\xff\xff\xff",
        b"[\x01\0\0\0",
        b"NN",
        b"{\x01\0\0\0N",
        b"f\0",
    ],
)
def test_broken_encodings_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(data)


def test_unhashable_members_are_malformed() -> None:
    with pytest.raises(MalformedError):
        decode(b"<\x01\0\0\0[\0\0\0\0")


PRIME = 2**61 - 1
"""The modulus of Python's hash of a number: all multiples have the same hash."""


@pytest.mark.parametrize(
    "value",
    [
        {k * PRIME for k in range(1, 300)},
        frozenset(k * PRIME for k in range(1, 300)),
        {k * PRIME: None for k in range(1, 300)},
        {k * PRIME: None for k in range(1, 300)}.keys(),
        {k * PRIME: None for k in range(1, 300)}.items(),
    ],
    ids=["set", "frozenset", "dict", "keys", "items"],
)
def test_keys_made_to_collide_are_malformed(value: Any) -> None:
    with pytest.raises(MalformedError, match="hash"):
        decode(encode(value, LIMIT))


def test_honest_keys_may_collide_a_little() -> None:
    grid = {(x, y, z) for x in range(-9, 9) for y in range(-9, 9) for z in range(-9, 9)}
    assert decode(encode(grid, LIMIT)) == grid
