"""Which names agents may have: they become folders and keys of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collm.errors import CollmError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def check_names(names: Iterable[str], where: str) -> None:
    """Test that agents can be called so.

    Args:
        names: the agents' names.
        where: the section that they stand in, for errors.

    Raises:
        CollmError: for a name that is no plain word.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            problem = f"{name!r} cannot be an agent's name."
            mend = "in the environment, use the letters A-Z and a-z, digits, _ and -, with no - at the start."
            raise CollmError(f"{where}.{name}", problem, mend)
