"""Settings from the command line: ``key.path=value``, laid on a recipe or a stored configuration in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collm.base.yaml_text import parse_yaml
from collm.config.merging import EVERY_AGENT, merged
from collm.config.overlays import KEY, overlay
from collm.errors import CollmError


def overridden(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A recipe with overrides laid on it, one after the other.

    What is set for ``agents.*`` is laid on every agent's own entry too, so the later override wins.
    ``with=NAME`` lays settings that go together.

    Raises:
        CollmError: if an override cannot be read, see :func:`parse_override`, or names no settings.
    """
    result = dict(values)
    for override in overrides:
        laid = parse_override(override)
        if KEY in laid:
            laid = overlay(laid[KEY], result)
        result = _with_own_entries(merged(result, laid), laid)
    return result


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """``["a.b=1", "a.c=2"]`` as ``{"a": {"b": 1, "c": 2}}``.

    Raises:
        CollmError: if one of them cannot be read, see :func:`parse_override`.
    """
    values: dict[str, Any] = {}
    for override in overrides:
        values = merged(values, parse_override(override))
    return values


def parse_override(override: str) -> dict[str, Any]:
    """``"a.b=1"`` as ``{"a": {"b": 1}}``; the value is YAML.

    Raises:
        CollmError: if it has no ``=``, an empty key, or a value that is not YAML.
    """
    path, separator, text = override.partition("=")
    keys = path.split(".")
    if not separator or not all(keys):
        raise CollmError(override, "not an override.", "write it as key.path=value.")
    value = parse_yaml(text, override)
    if isinstance(value, dict | list) and text.lstrip()[0] not in "{[":
        value = text  # such as the slice 8: that YAML takes for a mapping
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _with_own_entries(values: dict[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with what an override sets for every agent in the agents' own entries."""
    agents, entries = values.get("agents"), override.get("agents")
    if not isinstance(agents, Mapping) or not isinstance(entries, Mapping):
        return values
    shared = entries.get(EVERY_AGENT)
    if not isinstance(shared, Mapping):
        return values
    own = {
        name: merged(merged(entry, shared), entries.get(name, {}))
        for name, entry in agents.items()
        if name != EVERY_AGENT and isinstance(entry, Mapping)
    }
    return {**values, "agents": {**agents, **own}}
