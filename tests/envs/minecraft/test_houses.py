from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.env import Split
from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.housebuild import HouseBuild
from collm.envs.minecraft.houses import (
    TEST_HOUSES,
    TRAIN_HOUSES,
    buildable,
    generate_houses,
    random_house,
    unique_houses,
)
from collm.envs.minecraft.world import resource_limits

SPLITS: tuple[Split, ...] = ("train", "test")


def test_sizes_of_the_splits() -> None:
    assert [len(generate_houses(split)) for split in SPLITS] == [TRAIN_HOUSES, TEST_HOUSES]


def test_no_house_comes_twice_in_or_between_the_splits() -> None:
    houses = [house for split in SPLITS for house in generate_houses(split)]
    assert len({(house.inventory, house.layers) for house in houses}) == len(houses)
    assert len({house.id for house in houses}) == len(houses)


def test_draws_depend_on_the_seed_alone_and_leave_out_what_is_excluded() -> None:
    some = unique_houses(12, seed=5)
    assert some == unique_houses(12, seed=5)
    assert some != unique_houses(12, seed=6)
    others = unique_houses(12, seed=5, exclude=some)
    looks = {(house.inventory, house.layers) for house in some}
    assert looks.isdisjoint((house.inventory, house.layers) for house in others)


@given(st.integers())
def test_houses_are_small_closed_and_legible(seed: int) -> None:
    house = random_house("house", random.Random(seed))
    width, height, depth = house.size
    assert 3 <= width <= 5
    assert 3 <= depth <= 5
    assert 3 <= height <= 4
    assert {letter for rows in house.layers for row in rows for letter in row} == dict(house.inventory).keys()
    assert house.layers[1][0].count("A") == 1


def assigned(house: Blueprint, agents: int) -> list[list[str]]:
    """Whole rectangles dealt out, largest first, to the agent that has most left of the block."""
    left = [dict(resource_limits(house, agents)) for _ in range(agents)]
    commands: list[list[str]] = [[] for _ in range(agents)]
    for r in sorted(house.rectangles(), key=lambda r: -r.area):
        agent = max(range(agents), key=lambda index: left[index][r.block])
        left[agent][r.block] -= r.area
        commands[agent].append(f"/fill {r.x1} {r.y} {r.z1} {r.x2} {r.y} {r.z2} {r.block}")
    return commands


@pytest.mark.parametrize("split", SPLITS)
def test_a_team_of_two_can_build_every_house_within_its_limits_but_no_agent_alone(split: Split) -> None:
    env = HouseBuild()
    for house in generate_houses(split):
        first, second = ("\n".join(commands) for commands in assigned(house, 2))
        state = env.reset(house, 0)
        assert env.step(state, {"player_1": first + "\n/kill", "player_2": second}).reward == 1.0
        assert env.step(state, {"player_1": f"{first}\n{second}\n/kill", "player_2": ""}).reward < 1.0


def test_a_house_of_one_big_rectangle_is_not_buildable_by_two() -> None:
    slab = Blueprint("slab", (("S", "stone"),), (0, 0, 0), (("SSSS",) * 4,))
    assert not buildable(slab, num_agents=2)
    assert buildable(slab, num_agents=1)
