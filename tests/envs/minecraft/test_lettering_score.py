from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.lettering_score import PALETTES, lowest_reward, palette_of, score, texture

TASK = Lettering("t", "L")
BLOCKS = [block for palette in PALETTES for block in palette]


def test_palettes_repeat_beyond_two_agents() -> None:
    assert [palette_of(index) for index in range(4)] == [*PALETTES, *PALETTES]


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ("oak_planks", "wood"),
        ("birch_wood", "wood"),
        ("stone", "stone"),
        ("cobblestone", "stone"),
        ("smooth_stone", "stone"),
        ("stone_bricks", "stone"),
        ("white_concrete", "concrete"),
        ("obsidian", "obsidian"),
        ("dirt", "dirt"),
    ],
)
def test_textures(block: str, name: str) -> None:
    assert texture(block) == name


def test_an_empty_world_is_worth_minus_a_quarter_for_each_agent() -> None:
    for agents in (1, 2, 3, 8):
        result = score(TASK, {}, agents)
        assert sum(result.components.values()) == -0.25 * agents
        assert "-0.0" not in repr(result.components)
        assert (result.coverage, result.extra_ratio, result.adjacent_same_ratio, result.iou) == (0, 0, 0, 0)


def test_a_build_by_hand() -> None:
    """The L's foot of five cells, two of one texture side by side, and one block too many above it."""
    foot = ["oak_planks", "stone", "white_concrete", "obsidian", "obsidian"]
    world: dict[Point, str] = {(x, 0, 0): block for x, block in enumerate(foot)}
    world[4, 1, 0] = "stone"
    result = score(TASK, world, 2)
    assert result.coverage == pytest.approx(5 / 9)
    assert result.extra_ratio == pytest.approx(1 / 16)
    assert result.adjacent_same_ratio == pytest.approx(1 / 5)
    assert result.missing_palettes == 0
    assert result.iou == pytest.approx(5 / 10)
    assert result.components == pytest.approx(
        {"coverage": 10 / 9, "extra": -1.5 / 16, "adjacent": -0.2, "palettes": 0.0}
    )


def test_one_missing_block_costs_its_palette() -> None:
    world: dict[Point, str] = {(0, 0, 0): "oak_planks", (1, 0, 0): "white_concrete", (2, 0, 0): "obsidian"}
    assert score(TASK, world, 2).missing_palettes == 1
    assert score(TASK, world, 3).missing_palettes == 2
    assert score(TASK, world, 1).missing_palettes == 1


def test_a_full_box_is_punished_for_what_is_too_much() -> None:
    world: dict[Point, str] = {(x, y, 0): "stone" for x in range(5) for y in range(5)}
    result = score(TASK, world, 2)
    assert result.components == {"coverage": 2.0, "extra": -1.5, "adjacent": -1.0, "palettes": -0.5}


worlds = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.just(0)), st.sampled_from(BLOCKS), max_size=25
)


@given(worlds, st.integers(1, 8))
def test_measures_stay_in_their_ranges(world: dict[Point, str], agents: int) -> None:
    result = score(TASK, world, agents)
    for share in (result.coverage, result.extra_ratio, result.adjacent_same_ratio, result.iou):
        assert 0 <= share <= 1
    assert 0 <= result.missing_palettes <= agents
    assert lowest_reward(agents) <= sum(result.components.values()) <= 2
