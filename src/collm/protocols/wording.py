"""Neutral words for showing replies to other agents, around whatever an environment lets them see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from collm.types import Observation, Observations


def informed_observation(
    observation: Observation, agent: str, replies: Mapping[str, str], inputs: Mapping[str, str]
) -> Observation:
    """An observation with replies below it.

    Args:
        observation: what the agent saw of this turn.
        agent: who reads; its own reply is shown as one that it may give anew.
        replies: by agent.
        inputs: what the others were asked, shown above their replies.
    """
    sections = [observation.text]
    for name, reply in replies.items():
        if name != agent:
            sections += [f"{name} was asked:\n{inputs[name]}"] if name in inputs else []
            sections.append(f"{name} replied:\n{reply}")
    if agent in replies:
        sections.append(f"Your last reply:\n{replies[agent]}")
        sections.append("Reply once more, now that you know the replies of the others.")
    return replace(observation, text="\n\n".join(sections))


def merged_observation(observations: Observations) -> Observation:
    """Everything that several agents see, for one player who replies for them all."""
    first = next(iter(observations.values()))
    if len(observations) == 1:
        return first
    headings = ", ".join(f"[{agent}]" for agent in observations)
    sections = [
        f"You play {len(observations)} roles at once. Reply for each below a line of its own: {headings}."
    ]
    sections += [f"[{agent}]\n{observation.text}" for agent, observation in observations.items()]
    return replace(first, text="\n\n".join(sections))


def parted(reply: str, agents: Iterable[str]) -> dict[str, str]:
    """What a reply for several agents says for each; an agent without a heading says nothing.

    A reply without any heading is the first agent's.
    """
    names = list(agents)
    heading = re.compile(rf"^[ \t]*\[({'|'.join(map(re.escape, names))})\][ \t]*$", re.MULTILINE)
    before, *rest = heading.split(reply)
    if not rest:
        return {name: before.strip() if name == names[0] else "" for name in names}
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    return {name: parts.get(name, "").strip() for name in names}
