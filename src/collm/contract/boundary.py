"""Says whose fault it is: what an environment's code raises becomes one error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collm.errors import RAISED, CollmError


class BrokenPromiseError(CollmError):
    """An environment raised, or gave something that the protocol does not allow."""


@contextmanager
def boundary(method: str, where: str, *passed: type[Exception]) -> Iterator[None]:
    """Name the method and the place of whatever the code inside raises.

    Args:
        method: what is called, such as ``observe``.
        where: the environment, with the task if there is one.
        passed: exceptions that go on as they are, beside a :class:`CollmError`, which is clear already.

    Raises:
        BrokenPromiseError: for every other exception; a person's Ctrl-C is none.
    """
    clear: tuple[type[Exception], ...] = (CollmError, *passed)
    try:
        yield
    except clear:
        raise
    except RAISED as error:
        problem = f"{method} raised {type(error).__name__}: {error}."
        mend = "correct the environment or its reward function."
        raise BrokenPromiseError(where, problem, mend) from error
