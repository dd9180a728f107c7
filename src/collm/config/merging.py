"""Lays settings on settings, and what all agents share below what each has of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collm.errors import CollmError

EVERY_AGENT = "*"


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        mapping = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if mapping else value
    return result


def entries_of(section: Mapping[str, Any], agents: Sequence[str]) -> dict[str, dict[str, Any]]:
    """An entry of the section ``agents`` for each agent, with what ``*`` gives to all.

    Raises:
        CollmError: for an entry of an agent that is none, or one that is no mapping.
    """
    unknown = sorted(map(str, set(section) - set(agents) - {EVERY_AGENT}))
    if unknown:
        mend = f"this environment's agents are {', '.join(agents)}; '*' stands for all."
        raise CollmError(f"agents.{unknown[0]}", "no such agent.", mend)
    parts = {name: {} if section.get(name) is None else section[name] for name in (EVERY_AGENT, *agents)}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise CollmError(
                f"agents.{name}", f"must be a mapping, got {part!r}.", "write model: NAME below it."
            )
    entries = {name: merged(parts[EVERY_AGENT], parts[name]) for name in agents}
    return {name: _shared(name, parts[name], entries) for name in agents}


def _shared(name: str, own: Mapping[str, Any], entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """An agent's entry, or that of the agent whose policy it shares.

    Raises:
        CollmError: if there is no such agent, it has no policy of its own, or settings of its own differ.
    """
    owner = entries[name].get("shares")
    if owner is None:
        return entries[name]
    where = f"agents.{name}.shares"
    having = [one for one, entry in entries.items() if entry.get("shares") is None]
    if owner not in having:
        problem = f"{owner!r} is no agent with a policy of its own."
        mend = f"name one of {', '.join(having)}." if having else "leave one agent without this key."
        raise CollmError(where, problem, mend)
    for key, value in own.items():
        if key != "shares" and entries[owner].get(key) != value:
            problem = f"it plays the policy of {owner}, whose {key} is another, so this would do nothing."
            raise CollmError(f"agents.{name}.{key}", problem, f"leave it out, or set it for {owner} too.")
    return {**entries[owner], "shares": owner}
