from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.commands import Fill, Rules
from collm.envs.minecraft.setblock import parse_placements

RULES = Rules((0, 0, 0), (4, 4, 0), ("stone",), {}, max_commands=3, damage_attacks=False)
STONE = Fill((1, 2, 0), (1, 2, 0), "stone")


@pytest.mark.parametrize(
    "line",
    [
        "/setblock 1 2 0 stone",
        "setblock 1 2 0 minecraft:stone",
        "/SetBlock +1 2 0 stone",
        "3. /setblock 1 2 0 stone",
        "/setblock 1 2 0 stone replace",
        "/setblock 1 2 0 stone and then some",
        "```\n/setblock 1 2 0 stone\n```",
    ],
)
def test_ways_to_write_one_placement(line: str) -> None:
    assert parse_placements(line, RULES) == (STONE,)


@pytest.mark.parametrize(
    "line",
    [
        "/fill 1 2 0 1 2 0 stone",
        "/kill",
        "/setblock 1 2 0",
        "/setblock 1 2 stone",
        "/setblock ~1 2 0 stone",
        "/setblock 1.0 2 0 stone",
        "/setblock 1 2 1 stone",
        "/setblock 5 2 0 stone",
        "/setblock -1 2 0 stone",
        "/setblock 1 2 0 Stone",
        "/setblock 1 2 0 oak_planks",
        "/setblock 1 2 0 stone[x=y]",
    ],
)
def test_whatever_does_not_fit_is_dropped_and_costs_nothing(line: str) -> None:
    assert parse_placements(f"{line}\n" * 9 + "/setblock 1 2 0 stone", RULES) == (STONE,)


def test_air_erases_and_commands_are_counted() -> None:
    text = "/setblock 0 0 0 air\n" * 5
    assert parse_placements(text, RULES) == (Fill((0, 0, 0), (0, 0, 0), "air"),) * 3


tokens = st.sampled_from(["/setblock", "0", "1", "9", "stone", "air", "~", "\n", "```", "-"])


@given(st.one_of(st.text(), st.lists(tokens).map(" ".join)))
def test_any_text_gives_placements_within_the_rules(text: str) -> None:
    placements = parse_placements(text, RULES)
    assert len(placements) <= 3
    assert all(p.volume == 1 and p.block in {"stone", "air"} for p in placements)
    assert all(0 <= value <= 4 for p in placements for value in p.first)
