"""Keeps memory that tensors on a CPU have freed, for the tensors of the next pass."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Their numbers in glibc's ``malloc.h``."""

_MOST, _MOST_IN_OLD = 2**31 - 1, 2**25
"""Bytes: of an ``int``, and the largest threshold for mapping that older versions take."""

_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let the whole process give no memory back before it ends, but reuse it; whether it will.

    Activations come and go with every pass. The C library hands them to the system and asks for new pages
    each time, which have to be cleared. It is left alone where somebody has set it, or where it is no glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None or any(name in os.environ for name in _OWN):
        return False
    # The second alone would make blocks of 128 KiB be mapped, and so cleared, each time.
    mapped = mallopt(_MMAP_THRESHOLD, _MOST) or mallopt(_MMAP_THRESHOLD, _MOST_IN_OLD)
    return bool(mapped and mallopt(_TRIM_THRESHOLD, _MOST))
