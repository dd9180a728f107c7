"""Adds a recipe's file to errors that name one of its fields alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collm.config.tree import RunConfig
from collm.errors import CollmError


@contextmanager
def named_after(recipe: str) -> Iterator[None]:
    """Let every error inside that names a field, such as ``env.dataset``, name the recipe too.

    Code below the command line knows the fields of a configuration, but not where it was written.
    """
    try:
        yield
    except CollmError as error:
        if error.section in RunConfig.model_fields:
            error.place_in(recipe)
        raise
