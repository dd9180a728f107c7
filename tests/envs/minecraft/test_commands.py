from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.commands import Attack, Fill, Rules, command_lines, parse_commands

RULES = Rules(
    low=(0, 0, 0),
    high=(5, 6, 6),
    blocks=("stone", "oak_planks", "air"),
    limits={},
    max_commands=300,
    damage_attacks=False,
)
STONE = Fill((0, 0, 0), (1, 1, 1), "stone")


def accepted(text: str, **changes: object) -> list[str]:
    return [str(command) for command in parse_commands(text, replace(RULES, **changes))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("/fill a\n\n  /kill  \n", ["/fill a", "/kill"]),
        ("talk\n```\n/kill\n```\nmore", ["/kill"]),
        ("```mcfunction\n/kill\n```", ["/kill"]),
        ("```c++\n/kill\n```", ["/kill"]),
        ("```\n/a\n```\n```\n/b\n```", ["/a"]),
        ("```/a\n/b\n```", ["/a", "/b"]),
        ("```\n/never closed", ["```", "/never closed"]),
        ("- /a\n* /b\n-- /c\n1. /d\n12) /e\n3 /f", ["/a", "/b", "/c", "/d", "/e", "3 /f"]),
        ("- - /a", ["- /a"]),
        ("-\n*\n2.", []),
        ("", []),
    ],
)
def test_lines_come_from_the_first_fence_without_list_markers(text: str, lines: list[str]) -> None:
    assert list(command_lines(text)) == lines


def test_a_fill_is_normalised() -> None:
    assert parse_commands("/fill 0 0 0 1 1 1 stone", RULES) == (STONE,)
    assert accepted("  2) FILL +3 05 1_0 0 0 0 minecraft:stone", high=(9, 9, 19)) == [
        "/fill 3 5 10 0 0 0 stone"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "/fill 0 0 0 1 1 1 stone",
        "fill 0 0 0 1 1 1 stone",
        "/ fill 0 0 0 1 1 1 stone",
        "/FiLL 0 0 0 1 1 1 stone",
        "/fill\t0 0  0 1 1 1 minecraft:stone",
        "1. /fill 0 0 0 1 1 1 stone",
    ],
)
def test_ways_to_write_one_fill(line: str) -> None:
    assert parse_commands(line, RULES) == (STONE,)


@pytest.mark.parametrize(
    "line",
    [
        "//fill 0 0 0 1 1 1 stone",
        "/setblock 0 0 0 stone",
        "/fill 0 0 0 1 1 stone",
        "/fill 0 0 0 1 1 1",
        "/fill 0 0 0 1 1 1 stone replace",
        "/fill 0 0 0 1 1 1 stone # the floor",
        "/fill ~ 0 0 1 1 1 stone",
        "/fill ~1 0 0 1 1 1 stone",
        "/fill ^1 0 0 1 1 1 stone",
        "/fill 0.0 0 0 1 1 1 stone",
        "/fill 3.0 0 0 1 1 1 stone",
        "/fill a 0 0 1 1 1 stone",
        "/fill 0, 0, 0, 1, 1, 1 stone",
        "/fill 0 0 0 1 1 1 Stone",
        "/fill 0 0 0 1 1 1 bricks",
        "/fill 0 0 0 1 1 1 stone[axis=y]",
        "/fill 0 0 0 1 1 1 minecraft:minecraft:stone",
        "/fill 0 0 0 6 1 1 stone",
        "/fill 0 0 -1 1 1 1 stone",
        "/fill 9 9 9 10 10 10 stone",
        "/fill 0 0 0 1 1 " + "9" * 5000 + " stone",
        "/",
        "say /kill",
        "I will build: /fill 0 0 0 1 1 1 stone",
    ],
)
def test_whatever_does_not_fit_is_dropped_and_costs_nothing(line: str) -> None:
    both = f"{line}\n/fill 0 0 0 1 1 1 stone"
    assert parse_commands(both, replace(RULES, max_commands=1, limits={"stone": 8})) == (STONE,)


def test_air_may_always_be_placed_and_never_counts_towards_a_limit() -> None:
    text = "/fill 0 0 0 5 6 6 air\n" * 3
    assert len(accepted(text, blocks=("stone",), limits={"stone": 0})) == 3


@pytest.mark.parametrize("line", ["/kill", "kill", "/KILL @e[type=cow] now", "/kill 1 2 3"])
def test_kill_is_an_attack_with_any_arguments(line: str) -> None:
    (command,) = parse_commands(line, RULES)
    assert isinstance(command, Attack)
    assert str(command).startswith("/kill")


@pytest.mark.parametrize(
    "line",
    [
        "/damage @e[type=spider,limit=1] 8 minecraft:player attack",
        "/damage @e[limit=1,type=spider] 8",
        "/damage @e[type=minecraft:spider]",
    ],
)
def test_damage_to_spiders_is_an_attack_where_the_reading_allows_it(line: str) -> None:
    assert isinstance(parse_commands(line, replace(RULES, damage_attacks=True))[0], Attack)
    assert parse_commands(line, RULES) == ()


@pytest.mark.parametrize(
    "line",
    [
        "/damage",
        "/damage @p 8",
        "/damage @e 8",
        "/damage @e[type=cow] 8",
        "/damage @e[type=!spider] 8",
        "/damage spider 8",
        "/damage @e[type=spider_jockey] 8",
    ],
)
def test_damage_to_others_is_no_attack(line: str) -> None:
    assert parse_commands(line, replace(RULES, damage_attacks=True)) == ()


def test_commands_beyond_the_limit_are_dropped_and_kills_count() -> None:
    text = "/kill\n/fill 0 0 0 0 0 0 stone\n/fill 1 0 0 1 0 0 stone\n/kill"
    assert accepted(text, max_commands=2) == ["/kill", "/fill 0 0 0 0 0 0 stone"]


def test_a_fill_over_a_resource_limit_is_dropped_whole_and_a_smaller_one_may_follow() -> None:
    text = "/fill 0 0 0 0 0 4 stone\n/fill 0 0 0 0 0 3 stone\n/fill 5 0 0 5 0 0 stone"
    assert accepted(text, limits={"stone": 6}) == ["/fill 0 0 0 0 0 4 stone", "/fill 5 0 0 5 0 0 stone"]


def test_overwriting_counts_in_full() -> None:
    text = "/fill 0 0 0 0 0 0 stone\n" * 3
    assert len(accepted(text, limits={"stone": 2})) == 2


def test_a_block_without_a_limit_is_unlimited() -> None:
    assert len(accepted("/fill 0 0 0 5 6 6 oak_planks\n" * 2, limits={"stone": 0})) == 2


@pytest.mark.parametrize(
    ("first", "second", "volume"), [((0, 0, 0), (0, 0, 0), 1), ((2, 0, 4), (0, 1, 1), 24)]
)
def test_corners_may_come_in_any_order(
    first: tuple[int, int, int], second: tuple[int, int, int], volume: int
) -> None:
    fill, turned = Fill(first, second, "stone"), Fill(second, first, "stone")
    assert (fill.low, fill.high, fill.volume) == (turned.low, turned.high, turned.volume)
    assert fill.volume == volume
    assert all(low <= high for low, high in zip(fill.low, fill.high, strict=True))


tokens = st.sampled_from(
    ["/fill", "fill", "kill", "/", "-", "1.", "```", "\n", "0", "1", "9", "~", "stone", "x"]
)


@given(st.one_of(st.text(), st.lists(tokens).map(" ".join)), st.integers(1, 3), st.integers(0, 5))
def test_any_text_gives_commands_within_the_rules(text: str, max_commands: int, limit: int) -> None:
    rules = replace(RULES, max_commands=max_commands, limits={"stone": limit}, damage_attacks=True)
    commands = parse_commands(text, rules)
    fills = [command for command in commands if isinstance(command, Fill)]
    assert len(commands) <= max_commands
    assert all(fill.block in RULES.blocks for fill in fills)
    assert all(0 <= value <= 6 for fill in fills for value in (*fill.first, *fill.second))
    assert sum(fill.volume for fill in fills if fill.block == "stone") <= limit


points = st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 6))


@given(st.lists(st.builds(Fill, points, points, st.sampled_from(RULES.blocks)), max_size=8))
def test_written_fills_are_read_back(fills: list[Fill]) -> None:
    assert parse_commands("\n".join(map(str, fills)), RULES) == tuple(fills)
