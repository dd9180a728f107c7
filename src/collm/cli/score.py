"""``collm score``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from collm.cli.notes import tell_notices
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.env import AnyEnvironment


def score(
    env: Annotated[str, typer.Argument(help="An environment's type, module:Class, or a recipe.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Settings: variant=reference of an environment, env.variant=... of a recipe."),
    ] = None,
) -> None:
    """Score written replies from standard input, with no model at all."""
    from collm.contract.plays import score_plays

    environment = _environment(env, overrides or [])
    tell_notices(environment)
    for row in score_plays(environment, _text_lines(sys.stdin.buffer)):
        typer.echo(json.dumps(row, ensure_ascii=False, allow_nan=False))


def _environment(name: str, overrides: Sequence[str]) -> AnyEnvironment:
    """The environment of that type, or that of a recipe."""
    from collm.base.registry import listed
    from collm.config.overrides import parse_overrides
    from collm.config.recipes import is_recipe, load_recipe
    from collm.env import environments, make_env

    if name in environments() or ":" in name:
        return make_env({"type": name, **parse_overrides(overrides)}, name)
    if is_recipe(name):
        return load_recipe(name, overrides, learns=False).env
    mend = f"use one of {listed(environments())}, module:Class, or a recipe."
    raise CollmError(name, "no such environment or recipe.", mend)


def _text_lines(stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise CollmError(f"line {number}", "not a text in UTF-8.", "convert it.") from None
