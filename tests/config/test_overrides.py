"""Command-line settings are read as YAML and laid on a recipe in order."""

from __future__ import annotations

from typing import Any

import pytest

from collm.config.overrides import overridden, parse_overrides
from collm.errors import CollmError

TEAM: dict[str, Any] = {"agents": {"*": {"context": 9}, "left": {"model": "l", "context": 5}, "right": None}}


def test_overrides_are_nested_yaml() -> None:
    overrides = [
        "a.b=1",
        "a.c=[1, x]",
        "a.b=2",
        "d=null",
        "e.f=1e-4",
        "g=1e",
        "h={i: 1e-4}",
        "j.*.k=a=b",
        "l=8:",
    ]
    assert parse_overrides(overrides) == {
        "a": {"b": 2, "c": [1, "x"]},
        "d": None,
        "e": {"f": 1e-4},
        "g": "1e",
        "h": {"i": 1e-4},
        "j": {"*": {"k": "a=b"}},
        "l": "8:",
    }


@pytest.mark.parametrize(
    ("overrides", "left", "shared"),
    [
        (["agents.*.context=1"], 1, 1),
        (["agents.left.context=2"], 2, 9),
        (["agents.*.context=1", "agents.left.context=2"], 2, 1),
        (["agents.left.context=2", "agents.*.context=1"], 1, 1),
        (["agents.*={context: 1}"], 1, 1),
        (["agents={'*': {context: 1}, left: {context: 2}}"], 2, 1),
        (["agents.*=null"], 5, None),
    ],
)
def test_a_setting_for_all_agents_wins_over_earlier_ones(
    overrides: list[str], left: int, shared: int | None
) -> None:
    agents = overridden(TEAM, overrides)["agents"]
    assert agents["left"] == {"model": "l", "context": left}
    assert agents["*"] == (None if shared is None else {"context": shared})
    assert agents["right"] is None


def test_a_later_override_of_a_whole_section_replaces_what_came_before() -> None:
    assert overridden({"a": {"b": 1}}, ["a=null", "a.c=2"]) == {"a": {"c": 2}}


@pytest.mark.parametrize(
    ("override", "agents"),
    [
        ("agents=3", 3),
        ("agents.*=3", {**TEAM["agents"], "*": 3}),
        ("agents.left=3", {**TEAM["agents"], "left": 3}),
        ("agents={'*': {}, left: 3}", {**TEAM["agents"], "left": 3}),
    ],
)
def test_what_is_no_mapping_is_left_for_the_recipes_check(override: str, agents: object) -> None:
    assert overridden(TEAM, [override]) == {"agents": agents}


@pytest.mark.parametrize("override", ["a", "=3", "a..b=3", "a=[1"])
def test_what_is_no_override_is_named(override: str) -> None:
    with pytest.raises(CollmError) as caught:
        parse_overrides([override])
    assert caught.value.where == override
