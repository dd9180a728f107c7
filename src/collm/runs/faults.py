"""A full disk and memory running out, told in one line that names what to change."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from collm.errors import CollmError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "inline_container.cc")
"""How libraries that write without Python's files say it; the last is PyTorch's writer of archives."""

_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "Cannot allocate memory")

_SETTINGS = (
    ("critic", "critic.batch_tokens"),
    ("collm.rollout", "agents.*.batch_rows"),
    ("collm.training.learning", "agents.*.batch_tokens"),
)
"""Part of a module's name, and what bounds the memory of the work done there; the first that fits."""


@contextmanager
def faults_told(where: str) -> Iterator[None]:
    """Turn exceptions that mean a full disk or too little memory into one clear message.

    Args:
        where: names the run's folder.

    Raises:
        CollmError: in the place of such an exception; all others pass.
    """
    try:
        yield
    except CollmError:
        raise
    except Exception as error:
        told = told_fault(error, where)
        if told is None:
            raise
        raise told from error


def told_fault(error: Exception, where: str) -> CollmError | None:
    """What a person should read of an exception, ``None`` if it is neither of the two faults."""
    if is_full_disk(error):
        problem = "the disk is full; what was written before is kept."
        return CollmError(where, problem, "make room there; a run goes on with --resume.")
    if is_out_of_memory(error):
        problem = f"memory ran out ({_first_line(error)}); what was written before is kept."
        return CollmError(where, problem, f"lower {_setting(error)}; a run goes on with --resume.")
    return None


def is_full_disk(error: BaseException) -> bool:
    """Whether a write failed because there is no room left, or no more is allowed."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return any(text in str(error) for text in _FULL_TEXTS)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python or PyTorch, on any device, had no memory left. PyTorch need not be imported."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _MEMORY_TEXTS)


def _setting(error: BaseException) -> str:
    """The setting that bounds the memory of the work that failed."""
    modules = list(_modules(error))
    for part, setting in _SETTINGS:
        if any(part in module for module in modules):
            return setting
    return ", ".join(setting for _, setting in _SETTINGS)


def _modules(error: BaseException) -> Iterator[str]:
    """The names of the modules through which an exception came."""
    trace = error.__traceback__
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
