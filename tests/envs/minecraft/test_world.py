from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.commands import Attack, Fill
from collm.envs.minecraft.world import build, iou, match, resource_limits, wrong_cells


def test_later_fills_win_and_air_erases() -> None:
    world = build(
        [
            Fill((2, 0, 0), (0, 0, 0), "stone"),
            Attack("kill"),
            Fill((1, 0, 0), (1, 0, 0), "oak_planks"),
            Fill((2, 0, 0), (2, 5, 5), "air"),
        ]
    )
    assert world == {(0, 0, 0): "stone", (1, 0, 0): "oak_planks"}


def test_match_counts_air_cells_too(hut: Blueprint) -> None:
    target = hut.target()
    assert match(target, {}) == pytest.approx(2 / 18)
    assert match(target, build([Fill((0, 0, 0), (2, 0, 2), "oak_planks")])) == pytest.approx(11 / 18)
    assert match(target, build([Fill((0, 0, 0), (2, 1, 2), "stone")])) == pytest.approx(7 / 18)
    assert match(target, {cell: block for cell, block in target.items() if block != "air"}) == 1.0


def test_wrong_cells_name_the_wanted_block(hut: Blueprint) -> None:
    world = {cell: block for cell, block in hut.target().items() if block != "air"}
    del world[0, 0, 0]
    world[1, 1, 0] = "stone"
    assert wrong_cells(hut.target(), world) == [((0, 0, 0), "oak_planks"), ((1, 1, 0), "air")]


def test_iou_ignores_block_types_unless_asked() -> None:
    target = {(0, 0, 0): "stone", (1, 0, 0): "stone", (2, 0, 0): "air"}
    world = {(0, 0, 0): "stone", (1, 0, 0): "bricks", (2, 0, 0): "stone"}
    assert iou(target, world) == pytest.approx(2 / 3)
    assert iou(target, world, block_aware=True) == pytest.approx(1 / 3)
    assert iou({(0, 0, 0): "air"}, {}) == 0.0
    assert iou(target, {}) == 0.0


cells = st.tuples(*[st.integers(0, 2)] * 3)
worlds = st.dictionaries(cells, st.sampled_from(["stone", "bricks"]))


@given(worlds.filter(bool), worlds)
def test_measures_are_shares_and_block_aware_iou_is_the_stricter(
    target: dict[tuple[int, int, int], str], world: dict[tuple[int, int, int], str]
) -> None:
    assert 0 <= iou(target, world, block_aware=True) <= iou(target, world) <= 1
    assert 0 <= match(target, world) <= 1
    assert match(target, target) == iou(target, target, block_aware=True) == 1


@pytest.mark.parametrize(("agents", "wood", "stone"), [(1, 13, 10), (2, 7, 5), (3, 4, 4), (8, 2, 1)])
def test_resource_limits(hut: Blueprint, agents: int, wood: int, stone: int) -> None:
    assert list(resource_limits(hut, agents).items()) == [("oak_planks", wood), ("stone", stone)]


@pytest.mark.parametrize(
    ("house", "stairs", "bricks"),
    [("0002", 27, 40), ("0101", 9, 85), ("0104", 18, 31), ("0106", 40, 43), ("0108", 22, 28)],
)
def test_resource_limits_of_the_paper(
    houses: dict[str, Blueprint], house: str, stairs: int, bricks: int
) -> None:
    assert resource_limits(houses[house], 2) == {
        "white_concrete": 51,
        "obsidian": 9,
        "stone_stairs": stairs,
        "stone_bricks": bricks,
        "planks": 1,
    }


def test_one_agent_may_use_half_as_much_again(houses: dict[str, Blueprint]) -> None:
    limits = resource_limits(houses["0002"], 1)
    assert (limits["white_concrete"], limits["obsidian"], limits["planks"]) == (102, 18, 3)


@pytest.mark.parametrize("agents", [2, 3, 8])
def test_a_team_can_pay_for_every_block_but_no_agent_alone_can(
    houses: dict[str, Blueprint], agents: int
) -> None:
    for house in houses.values():
        blocks = list(house.target().values())
        for block, limit in resource_limits(house, agents).items():
            assert limit * agents >= blocks.count(block)
            assert limit < blocks.count(block)
