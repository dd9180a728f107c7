"""Takes a talk one step on and holds it to its word: who is asked is there, who acts has an action."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from collm.errors import CollmError
from collm.protocols.base import Talk
from collm.types import JointAction, Observations


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a talk stands.

    Attributes:
        asked: what it waits for, by player; ``None`` if it is over.
        actions: the joint action, once it is over.
    """

    asked: Observations | None = None
    actions: JointAction = field(default_factory=dict)


def advance(
    talk: Talk, seen: Observations, players: Container[str], replies: JointAction | None = None
) -> Standing:
    """Begin a talk, or go on with the replies to what it asked.

    Args:
        talk: of a protocol.
        seen: what the agents that act observe.
        players: who may be asked.
        replies: by player; ``None`` begins.

    Raises:
        CollmError: if it asks somebody who is not there, or ends without an action for everybody.
    """
    try:
        asked = next(talk) if replies is None else talk.send(replies)
    except StopIteration as end:
        actions = end.value or {}
        _check(seen, actions, "gives no action for", "actions")
        return Standing(actions={agent: actions[agent] for agent in seen})
    _check(asked, players, "asks", "players")
    return Standing(asked)


def _check(names: Iterable[str], there: Container[str], does: str, things: str) -> None:
    missing = [name for name in names if name not in there]
    if missing:
        problem = f"the protocol {does} {', '.join(missing)}."
        raise CollmError("--protocol", problem, f"write it with the {things} of its scene.")
