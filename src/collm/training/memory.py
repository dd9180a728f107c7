"""How much memory a run has taken at most, as measured."""

from __future__ import annotations

import resource
import sys

import torch

_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts what a process held at most."""


def peak_memory_gib() -> float:
    """GiB that this process has taken at most so far.

    On GPUs what torch has allocated at most, summed over them (a peak of one may not be the other's moment);
    without GPUs the resident memory of the process, libraries and all.
    """
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        held = sum(torch.cuda.max_memory_allocated(device) for device in range(torch.cuda.device_count()))
    else:
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return held / 2**30
