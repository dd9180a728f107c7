"""What players read when they may see each other's commands. Our own words: no source treats this."""

from __future__ import annotations

from collections.abc import Mapping


def informed_prompt(prompt: str, agent: str, replies: Mapping[str, str], names: Mapping[str, str]) -> str:
    """A player's prompt with commands below it.

    Args:
        prompt: what the player reads when it sees nobody's commands.
        agent: who reads.
        replies: by agent; the player's own among them if it is to command once more.
        names: what players call each other, by agent.
    """
    others = {name: reply for name, reply in replies.items() if name != agent}
    if agent not in replies:
        sections = [_commands(f"{names[name]} has given these commands", others[name]) for name in others]
        ending = "Give the commands that the build still needs."
    else:
        sections = [_commands(f"{names[name]}'s commands so far", others[name]) for name in others]
        sections.append(_commands("Your commands so far", replies[agent]))
        ending = "Give all of your commands once more, now that you know the others'. Only these will count."
    return "\n\n".join([prompt, *sections, ending])


def _commands(title: str, reply: str) -> str:
    return f"{title}:\n{reply.strip() or '(none)'}"
