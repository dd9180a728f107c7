"""Adds a recipe's file to errors that name one of its fields alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from collm.errors import CollmError

SECTIONS = ("seed", "env", "algorithm", "agents", "critic", "training", "evaluation", "tracking")
_FIELD = re.compile(rf"({'|'.join(SECTIONS)})( [\w-]+)?(\.[^:\s]+)?")


@contextmanager
def named_after(recipe: str) -> Iterator[None]:
    """Let every error inside that names a field, such as ``env.dataset``, name the recipe too.

    Code below the command line knows the fields of a configuration, but not where it was written.
    """
    try:
        yield
    except CollmError as error:
        if not _FIELD.fullmatch(error.where):
            raise
        raise type(error)(f"{recipe}: {error.where}", error.problem, error.mend) from error
