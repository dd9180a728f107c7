"""How the building tasks speak to their players: what the paper's and its reference code's readings share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Variant = Literal["paper", "reference"]

_OUTPUT_RULE = "Output must be Minecraft commands only (no markdown, no code fences, no extra text)."
SYSTEM = (
    f"You are a Minecraft building agent.\n{_OUTPUT_RULE}\nThis is strict: any non-command text is invalid."
)


@dataclass(frozen=True, slots=True)
class Framing:
    """The part of a reading that both building tasks have.

    Attributes:
        title: what a player is called.
        role_rule: what the sentence about the player's role ends with.
        role_alone: whether a single player is told its role too.
        system: the message that opens the history; without it the chat template frames every turn, with
            it only the first one, and later observations are raw texts that begin with it.
        repeats: whether later observations repeat the first prompt and the player's own reply.
        asks_for_half: whether a player is asked for half of the positions in a team of any size.
    """

    title: str
    role_rule: str
    role_alone: bool
    system: str | None
    repeats: bool
    asks_for_half: bool

    def role(self, number: int, num_agents: int) -> str:
        """Who player ``number``, from 1, is; empty if it is not told."""
        if num_agents == 1 and not self.role_alone:
            return ""
        return (
            f"You are {self.title} {number} in a {num_agents}-person Minecraft building team. "
            f"You will place SOME of the blocks for the final build.{self.role_rule}"
        )

    def share_line(self, total: int, num_agents: int) -> str:
        """The call to choose a share of ``total`` positions."""
        parts = 2 if self.asks_for_half else num_agents
        share = {1: "all", 2: "half"}.get(parts, f"1/{parts} of")
        return f"- Choose a subset of about {share} the positions (target size ~ {total // parts})."


FRAMINGS: Mapping[Variant, Framing] = {
    "paper": Framing(
        title="Player",
        role_rule=f" {_OUTPUT_RULE}",
        role_alone=True,
        system=None,
        repeats=False,
        asks_for_half=False,
    ),
    "reference": Framing(
        title="Agent",
        role_rule="",
        role_alone=False,
        system=SYSTEM,
        repeats=True,
        asks_for_half=True,
    ),
}
