"""Lets foreign games draw from the process's random generators without disturbing anybody else."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_ONE_AT_A_TIME = threading.RLock()
"""Held while a game draws: the generators are the whole process's, and games are stepped in threads."""


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Let a game draw from generators seeded for it, and leave the global ones untouched."""
    with _ONE_AT_A_TIME:
        ours, numpys = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(numpys)
