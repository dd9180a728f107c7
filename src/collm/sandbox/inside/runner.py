"""The process in which a model's code runs. It knows no test and no expected value.

Nothing here is trusted once the code has been loaded: all it can do is answer calls with plain data,
which is all that an honest function can do either.
"""

from __future__ import annotations

import builtins
import os
from typing import Any, NoReturn

from . import plain, wire
from .limits import Limits

LOAD, CALL, CALL_IN_PLACE = "load", "call", "call in place"
VALUE, RAISED, ODD = "value", "raised", "odd"
MESSAGE_LIMIT = 300
CODE_LIMIT = 1 << 20


def serve(channel: int, limits: Limits) -> NoReturn:
    """Load one program, then answer calls of its entry point until the judge hangs up."""
    request = plain.decode(wire.receive(channel, CODE_LIMIT))
    try:
        entry = _load(request[1], request[2])
    except BaseException as error:
        _answer(channel, _raised(error), limits)
        os._exit(0)
    _answer(channel, (VALUE, None, None), limits)
    while True:
        try:
            kind, args, kwargs = plain.decode(wire.receive(channel, limits.value_bytes))
        except wire.ClosedError:
            os._exit(0)
        _answer(channel, _call(entry, kind, args, kwargs), limits)


def _load(code: str, entry_point: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "solution", "__builtins__": builtins}
    exec(compile(code, "<program>", "exec", dont_inherit=True), namespace)
    if entry_point not in namespace:
        raise NameError(f"name '{entry_point}' is not defined")
    return namespace[entry_point]


def _call(entry: Any, kind: str, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    try:
        value = entry(*args, **kwargs)
    except BaseException as error:
        return _raised(error)
    return VALUE, value, args if kind == CALL_IN_PLACE else None


def _raised(error: BaseException) -> tuple[Any, ...]:
    try:
        names = [kind.__name__ for kind in type(error).__mro__]
        return RAISED, names, str(error)[:MESSAGE_LIMIT]
    except BaseException:
        return RAISED, ["Exception"], "an exception that cannot be printed"


def _answer(channel: int, answer: tuple[Any, ...], limits: Limits) -> None:
    try:
        data = plain.encode(answer, limits.value_bytes)
    except BaseException as error:
        reason = str(error) if isinstance(error, plain.NotPlainError) else "a value that cannot be read"
        data = plain.encode((ODD, reason[:MESSAGE_LIMIT]), limits.value_bytes)
    try:
        wire.send(channel, data)
    except wire.ClosedError:
        os._exit(0)
