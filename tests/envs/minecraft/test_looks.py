"""What a viewer is told of a build."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.housebuild import HouseBuild
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.looks import look_of
from collm.envs.minecraft.strbuild import StrBuild


def test_a_build_is_shown_beside_its_target(hut: Blueprint) -> None:
    turn = {"player_1": "/fill 0 0 0 1 0 0 oak_planks\n/kill", "player_2": "/fill 1 0 0 1 0 0 air"}
    panel = HouseBuild().panel(hut, [{"player_1": "/fill 0 1 0 0 1 0 stone"}, turn])
    assert panel["kind"] == "voxels"
    assert panel["built"] == [[0, 0, 0, "oak_planks"]]
    assert len(panel["target"]) == 16
    assert [0, 1, 0, "stone"] in panel["target"]
    assert panel["legend"] == {block: look_of(block).color for block in ("oak_planks", "stone")}
    assert json.loads(json.dumps(panel)) == panel


def test_what_is_shown_is_what_the_step_built(houses: dict[str, Blueprint]) -> None:
    env, house = HouseBuild(), houses["0002"]
    replies = dict.fromkeys(env.agents, "/fill 0 0 0 5 0 4 white_concrete")
    world = env.step(env.reset(house, 0), replies).state.world
    assert env.panel(house, [replies])["built"] == sorted([*cell, block] for cell, block in world.items())


def test_any_block_may_stand_in_a_letter() -> None:
    panel = StrBuild().panel(Lettering("l", "L"), [{"player_2": "/setblock 0 0 0 obsidian"}])
    assert panel["built"] == [[0, 0, 0, "obsidian"]]
    assert {block for *_, block in panel["target"]} == {"any"}
    assert len(panel["target"]) == 9


@pytest.mark.parametrize("turns", [[], [{}], [{"player_1": 'hm "\ud800'}]])
def test_without_readable_replies_the_target_stands_alone(turns: list[Any], hut: Blueprint) -> None:
    panel = HouseBuild().panel(hut, turns)
    assert panel["built"] == []
    assert len(panel["target"]) == 16
