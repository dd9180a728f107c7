"""A closed encoding of plain data: decoding it never runs code that the sender chose.

Subclasses of plain types are sent as their base type, read with the base type's own methods, so that
nothing a model overrides survives the passage.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

MAX_DEPTH = 100
MAX_COLLISIONS = 256
"""So many keys of one hash make a set or a dictionary quadratically slow, and only malice makes more."""
_SIZE = struct.Struct("<I")
_REAL = struct.Struct("<d")
_COMPLEX = struct.Struct("<dd")


class NotPlainError(Exception):
    """The value is not made of plain data, or is too deep or too large."""


class MalformedError(Exception):
    """The bytes are not an encoding."""


def encode(value: Any, limit: int) -> bytes:
    """Encode None, bool, int, float, complex, str, bytes, ranges, containers of them and views of dicts.

    Raises:
        NotPlainError: naming the type that cannot pass, or the bound that is crossed.
    """
    out = bytearray()
    _write(value, out, limit, MAX_DEPTH)
    return bytes(out)


def _write(value: Any, out: bytearray, limit: int, depth: int) -> None:
    if depth == 0:
        raise NotPlainError(f"a value nested deeper than {MAX_DEPTH} levels")
    kind = type(value)
    if value is None or value is True or value is False:
        out += b"N" if value is None else b"T" if value else b"F"
    elif issubclass(kind, int):
        _sized(b"i", int.to_bytes(value, int.bit_length(value) // 8 + 1, "little", signed=True), out)
    elif issubclass(kind, float):
        out += b"f" + _REAL.pack(float.__float__(value))
    elif issubclass(kind, complex):
        out += b"c" + _COMPLEX.pack(*_parts(value))
    elif issubclass(kind, str):
        _sized(b"s", str.encode(value, "utf-8", "surrogatepass"), out)
    elif issubclass(kind, (bytes, bytearray)):
        _sized(b"b" if issubclass(kind, bytes) else b"a", bytes(memoryview(value)), out)
    else:
        _write_container(value, kind, out, limit, depth)
    if len(out) > limit:
        raise NotPlainError(f"a value larger than {limit // 1024} KiB")


def _parts(value: complex) -> tuple[float, float]:
    read = complex.__dict__
    return read["real"].__get__(value), read["imag"].__get__(value)


def _write_container(value: Any, kind: type, out: bytearray, limit: int, depth: int) -> None:
    base = next((base for base in _TAGS if issubclass(kind, base)), None)
    if base is None:
        raise NotPlainError(f"a value of type {kind.__name__}")
    if base is dict:
        flat = [part for pair in dict.items(value) for part in pair]
    elif base is range:
        flat = [value.start, value.stop, value.step]
    else:
        flat = list(base.__iter__(value))
    out += _TAGS[base] + _SIZE.pack(len(flat))
    for item in flat:
        _write(item, out, limit, depth - 1)


def _sized(tag: bytes, data: bytes, out: bytearray) -> None:
    out += tag + _SIZE.pack(len(data)) + data


def decode(data: bytes) -> Any:
    """Rebuild a value; every type in it is exactly a built-in one.

    Raises:
        MalformedError: if the bytes are not one whole encoding.
    """
    try:
        value, end = _read(data, 0, MAX_DEPTH)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise MalformedError(type(error).__name__) from None
    if end != len(data):
        raise MalformedError("bytes are left over")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth == 0:
        raise MalformedError("nested too deep")
    tag, at = data[at : at + 1], at + 1
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag == b"f":
        return _REAL.unpack_from(data, at)[0], at + _REAL.size
    if tag == b"c":
        return complex(*_COMPLEX.unpack_from(data, at)), at + _COMPLEX.size
    (size,), at = _SIZE.unpack_from(data, at), at + _SIZE.size
    if size > len(data) - at:
        raise MalformedError("a size beyond the end")
    if tag in _ATOMS:
        return _ATOMS[tag](data[at : at + size]), at + size
    items = []
    for _ in range(size):
        item, at = _read(data, at, depth - 1)
        items.append(item)
    if tag not in _CONTAINERS:
        raise MalformedError(f"unknown tag {tag!r}")
    return _CONTAINERS[tag](items), at


def _distinct(keys: Sequence[Any]) -> Sequence[Any]:
    """Keys that a hash table takes in without going through most of them for each.

    Raises:
        MalformedError: if too many have the same hash.
    """
    if len(keys) > MAX_COLLISIONS and max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS:
        raise MalformedError("too many keys with one hash")
    return keys


def _couples(items: list[Any]) -> list[tuple[Any, Any]]:
    if not all(type(item) is tuple and len(item) == 2 for item in items):
        raise MalformedError("an item that is no pair")
    _distinct([key for key, _ in items])
    return items


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    if len(flat) % 2:
        raise MalformedError("a key without a value")
    return dict(zip(_distinct(flat[::2]), flat[1::2], strict=True))


_CONSTANTS = {b"N": None, b"T": True, b"F": False}
_ATOMS: dict[bytes, Any] = {
    b"i": lambda part: int.from_bytes(part, "little", signed=True),
    b"s": lambda part: part.decode("utf-8", "surrogatepass"),
    b"b": bytes,
    b"a": bytearray,
}
_TAGS: dict[Any, bytes] = {
    list: b"[",
    tuple: b"(",
    set: b"<",
    frozenset: b">",
    dict: b"{",
    range: b"r",
    type({}.keys()): b"k",
    type({}.values()): b"v",
    type({}.items()): b"p",
}
_CONTAINERS: dict[bytes, Any] = {
    b"[": list,
    b"(": tuple,
    b"<": lambda items: set(_distinct(items)),
    b">": lambda items: frozenset(_distinct(items)),
    b"{": _pairs,
    b"r": lambda bounds: range(*bounds),
    b"k": lambda items: dict.fromkeys(_distinct(items)).keys(),
    b"v": lambda items: dict(enumerate(items)).values(),
    b"p": lambda items: dict(_couples(items)).items(),
}
