"""Arguments that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collm.protocols.base import PlayProtocol

_OF_PROTOCOL = "protocol."


def complete_recipe(incomplete: str) -> list[str]:
    """The shipped recipes that begin so, for the shell's completion."""
    from collm.config.recipes import shipped

    return [name for name in shipped() if name.startswith(incomplete)]


Overrides = Annotated[list[str] | None, typer.Argument(help="Overrides such as training.max_updates=5.")]
Recipe = Annotated[
    str,
    typer.Argument(help="A YAML file or the name of a shipped recipe.", autocompletion=complete_recipe),
]
Protocol = Annotated[
    str, typer.Option(help="How the team plays: a name or module:Class. Set it by protocol.KEY=VALUE.")
]


def split_off(protocol: str, overrides: list[str]) -> tuple[PlayProtocol, list[str]]:
    """The protocol with its own settings, and the overrides of everything else."""
    from collm.config.overrides import parse_overrides
    from collm.protocols.base import make_protocol

    own = [override for override in overrides if override.startswith(_OF_PROTOCOL)]
    settings = parse_overrides(own).get("protocol", {})
    others = [override for override in overrides if override not in own]
    return make_protocol({"type": protocol, **settings}), others
