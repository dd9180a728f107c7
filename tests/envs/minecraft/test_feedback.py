from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.blueprint import Blueprint, Point
from collm.envs.minecraft.commands import Attack, Fill
from collm.envs.minecraft.feedback import MODES, Review
from collm.envs.minecraft.house_readings import HOUSE_READINGS
from collm.envs.minecraft.world import build, resource_limits

ONLY = "- Do not output any text other than commands."


@pytest.fixture
def review(hut: Blueprint) -> Review:
    """After agent 1 laid the floor but for one row, and agent 2 filled the upper layer with stone."""
    floor, top = Fill((0, 0, 0), (2, 0, 1), "oak_planks"), Fill((0, 1, 0), (2, 1, 2), "stone")
    return Review(
        blueprint=hut,
        reading=HOUSE_READINGS["paper"],
        agent="player_1",
        number=1,
        num_agents=2,
        turn=2,
        previous_reward=0.51234,
        world=build([floor, top]),
        commands=(floor, Attack("kill")),
        limits={"oak_planks": 7, "stone": 5},
        max_commands=300,
        list_limit=20,
    )


BARE = Review(
    blueprint=Blueprint(
        "hut", (("W", "oak_planks"), ("S", "stone"), ("A", "air")), (0, 0, 0), (("WWW",) * 3, ("SAS",) * 3)
    ),
    reading=HOUSE_READINGS["paper"],
    agent="player_1",
    number=1,
    num_agents=2,
    turn=2,
    previous_reward=0.5,
    world={},
    commands=(),
    limits=None,
    max_commands=300,
    list_limit=999,
)


def reference(review: Review, **changes: object) -> Review:
    return replace(review, reading=HOUSE_READINGS["reference"], **changes)  # type: ignore[arg-type]


def second(review: Review) -> Review:
    top = Fill((0, 1, 0), (2, 1, 2), "stone")
    return replace(review, agent="player_2", number=2, commands=(top,))


def test_every_mode_is_there() -> None:
    assert set(MODES) == {
        "score_feedback",
        "perfect_feedback",
        "position_feedback",
        "position_modification",
        "rect_modification",
        "resource_schedule",
    }


def test_score(review: Review) -> None:
    assert MODES["score_feedback"](review) == [
        "Score feedback:",
        "- Turn: 2",
        "- Previous reward: 0.5123",
        ONLY,
    ]


PERFECT_HEAD = [
    "Feedback (coordinate edits):",
    "- Turn: 2",
    "- Coordinates are absolute.",
    "- Use /fill only.",
    ONLY,
    "- Fix ONLY the listed positions.",
    "- Use: /fill x y z x y z block",
    "Set these blocks:",
]


def test_perfect_deals_wrong_cells_out_and_names_extras(review: Review) -> None:
    assert MODES["perfect_feedback"](review) == [
        *PERFECT_HEAD,
        "- (0, 0, 2) = oak_planks",
        "- (2, 0, 2) = oak_planks",
    ]
    assert MODES["perfect_feedback"](second(review)) == [
        *PERFECT_HEAD,
        "- (1, 0, 2) = oak_planks",
        "Remove extra blocks (set air) at:",
        "- (1, 1, 0)",
        "- (1, 1, 1)",
    ]


def test_perfect_of_the_reference_sets_air_and_never_names_extras(review: Review) -> None:
    assert MODES["perfect_feedback"](reference(review)) == [
        *PERFECT_HEAD,
        "- (1, 1, 0) = air",
        "- (0, 0, 2) = oak_planks",
        "- (2, 0, 2) = oak_planks",
    ]
    assert MODES["perfect_feedback"](reference(second(review))) == [
        *PERFECT_HEAD,
        "- (1, 1, 1) = air",
        "- (1, 0, 2) = oak_planks",
        "Remove extra blocks (set air) at:",
        "(none)",
    ]


def test_perfect_has_nothing_to_say_about_a_finished_build(review: Review) -> None:
    done = {cell: block for cell, block in review.blueprint.target().items() if block != "air"}
    lines = MODES["perfect_feedback"](second(replace(review, world=done)))
    assert lines == [*PERFECT_HEAD, "(none)", "Remove extra blocks (set air) at:", "(none)"]


POSITIONS = [
    "All target positions:",
    "- (0, 1, 0) = stone",
    "- (0, 1, 1) = stone",
    "- (0, 1, 2) = stone",
    "- (1, 1, 2) = stone",
    "- (2, 1, 0) = stone",
    "- (2, 1, 1) = stone",
    "- (2, 1, 2) = stone",
    *(f"- ({x}, 0, {z}) = oak_planks" for x in range(3) for z in range(3)),
    "Available blocks:",
    "- oak_planks",
    "- stone",
    "- air",
    "Format: /fill x1 y1 z1 x2 y2 z2 block",
]


def test_position_lists_the_whole_target(review: Review) -> None:
    assert MODES["position_feedback"](review) == [
        "Position feedback (subset selection):",
        "- Turn: 2",
        "- Choose a subset of about half the positions (target size ~ 8).",
        "- Max commands allowed: 300",
        *POSITIONS,
    ]


@pytest.mark.parametrize(
    ("agents", "share"),
    [(1, "all the positions (target size ~ 16)"), (3, "1/3 of the positions (target size ~ 5)")],
)
def test_position_asks_for_an_even_share(review: Review, agents: int, share: str) -> None:
    review = replace(review, num_agents=agents)
    assert MODES["position_feedback"](review)[2] == f"- Choose a subset of about {share}."
    half = "- Choose a subset of about half the positions (target size ~ 8)."
    assert MODES["position_feedback"](reference(review))[2] == half


def test_position_modification_tells_all_agents_the_first_wrong_cells(review: Review) -> None:
    expected = [
        ONLY,
        "Modification suggestions (use these to fix errors):",
        "(0 0 2 oak_planks)",
        "(1 0 2 oak_planks)",
        "(2 0 2 oak_planks)",
        "(1 1 0 air)",
        "(1 1 1 air)",
    ]
    assert MODES["position_modification"](review) == expected
    assert MODES["position_modification"](second(review)) == expected
    assert MODES["position_modification"](replace(review, list_limit=2)) == expected[:4]


RECT_TAIL = "Suggested rectangles to fix mismatches:"


def test_rect_modification_splits_the_layers_evenly(review: Review) -> None:
    assert MODES["rect_modification"](review) == [
        ONLY,
        "Reminder: each turn starts from an empty (all-air) world.",
        "Accepted commands from your previous turn:",
        "- /fill 0 0 0 2 0 1 oak_planks",
        "- /kill",
        RECT_TAIL,
        "y=0: (0, 0, 2, 2 oak_planks)",
    ]
    lines = MODES["rect_modification"](second(review))
    assert lines[lines.index(RECT_TAIL) + 1 :] == ["y=1: (1, 0, 1, 1 air)"]


def heights(review: Review) -> set[int]:
    lines = MODES["rect_modification"](review)
    listed = lines[lines.index(RECT_TAIL) + 1 :]
    return {int(line[2 : line.index(":")]) for line in listed if line != "(none)"}


def tower(height: int, y0: int = 0) -> Blueprint:
    return Blueprint("tower", (("S", "stone"),), (0, y0, 0), (("S",),) * height)


def test_bands_of_a_team_of_two(review: Review) -> None:
    first = replace(review, blueprint=tower(7), world={}, number=1)
    last = replace(first, number=2)
    assert (heights(first), heights(last)) == ({0, 1, 2}, {3, 4, 5, 6})
    assert (heights(reference(first)), heights(reference(last))) == ({0, 1, 2}, {2, 3, 4, 5, 6})


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-5, 5))
def test_bands_of_the_paper_reading_share_out_every_layer_once(agents: int, height: int, y0: int) -> None:
    bands = list[int]()
    for number in range(1, agents + 1):
        bands += sorted(heights(replace(BARE, blueprint=tower(height, y0), number=number, num_agents=agents)))
    assert bands == list(range(y0, y0 + height))


def test_resource_schedule_subtracts_what_the_last_turn_used(review: Review) -> None:
    assert MODES["resource_schedule"](review) == [
        ONLY,
        "Accepted commands from your previous turn:",
        "- /fill 0 0 0 2 0 1 oak_planks",
        "- /kill",
        "Remaining resources after previous turn (air unlimited):",
        "- oak_planks: 1",
        "- stone: 5",
        "Suggested rectangles to build next (greedy by size):",
        "y=1: (0, 2, 2, 2 stone)",
        "y=1: (0, 0, 0, 1 stone)",
        "y=0: (0, 0, 0, 0 oak_planks)",
    ]


def test_resource_schedule_of_the_reference_takes_its_whole_suggestions_off_what_is_left(
    review: Review,
) -> None:
    lines = MODES["resource_schedule"](reference(review))
    start = lines.index("Remaining resources after previous turn (air unlimited):")
    assert lines[start + 1 : start + 3] == ["- oak_planks: 1", "- stone: 0"]


def test_resource_schedule_cuts_the_widest_part_out_of_what_did_not_fit(review: Review) -> None:
    lines = MODES["resource_schedule"](replace(review, commands=(), limits={"oak_planks": 7, "stone": 0}))
    assert lines[-1] == "y=0: (0, 0, 2, 1 oak_planks)"
    assert "Accepted commands from your previous turn:" in lines
    assert lines[lines.index("Accepted commands from your previous turn:") + 1] == "(none)"


def test_resource_schedule_without_resources_suggests_nothing(review: Review) -> None:
    lines = MODES["resource_schedule"](replace(review, limits={"oak_planks": 6, "stone": 0}))
    assert lines[-1] == "(none)"


def rectangles(review: Review, mode: str) -> list[str]:
    return [line for line in MODES[mode](review) if line.startswith("y=")]


def test_of_rectangles_to_fix_the_first_are_listed_from_the_lowest_up(
    review: Review, houses: dict[str, Blueprint]
) -> None:
    bare = replace(review, blueprint=houses["0002"], world={}, list_limit=4)
    assert rectangles(bare, "rect_modification") == [
        "y=0: (0, 1, 5, 5 white_concrete)",
        "y=1: (0, 1, 0, 1 obsidian)",
        "y=1: (0, 2, 0, 4 white_concrete)",
        "y=1: (0, 5, 0, 5 obsidian)",
    ]


def test_a_schedule_lists_all_that_the_resources_pay_for(
    review: Review, houses: dict[str, Blueprint]
) -> None:
    house = houses["0002"]
    limits = resource_limits(house, 2)
    bare = replace(review, blueprint=house, world={}, commands=(), limits=limits, list_limit=4)
    assert len(rectangles(bare, "resource_schedule")) == 24


block = st.sampled_from(["oak_planks", "stone", "dirt"])


@given(
    st.dictionaries(st.tuples(*[st.integers(0, 2)] * 3), block),
    st.sampled_from(sorted(MODES)),
    st.booleans(),
    st.integers(1, 8),
)
def test_modes_speak_to_every_agent_about_any_world(
    world: dict[Point, str], mode: str, as_reference: bool, agents: int
) -> None:
    limits = resource_limits(BARE.blueprint, agents)
    review = replace(BARE, world=world, num_agents=agents, limits=limits)
    for number in range(1, agents + 1):
        mine = replace(review, number=number)
        lines = MODES[mode](reference(mine) if as_reference else mine)
        assert all(line and "\n" not in line for line in lines)
