from __future__ import annotations

from dataclasses import replace

import pytest

from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.framing import SYSTEM, Variant
from collm.envs.minecraft.house_readings import HOUSE_READINGS
from collm.envs.minecraft.prompts import first_prompt, layer_lines
from collm.envs.minecraft.spiders import Spiders
from collm.envs.minecraft.world import resource_limits

REFERENCE = """\
You are Agent 2 in a 2-person Minecraft building team. You will place SOME of the blocks for the final build.

Task: Build the 3D structure from the provided y-axis slices.

Available blocks (use ONLY these):
- oak_planks
- stone
- air

Layers (ascending WORLD y). Each layer is a set of rectangles in WORLD (x,z) coords:
- Format: y=ABS_Y: {(x1, ABS_Y, z1, x2, ABS_Y, z2 block_id), (x1, ABS_Y, z1, x2, ABS_Y, z2 block_id)}
y=0: {(0, 0, 0, 2, 0, 2 oak_planks)}
y=1: {(0, 1, 0, 0, 1, 1 stone), (2, 1, 0, 2, 1, 1 stone), (0, 1, 2, 2, 1, 2 stone)}

WORLD bbox (inclusive):
- from: [0,0,0]
- to:   [2,1,2]

Threat check: There are 3 spiders nearby; you have 5 HP. Spider attack list: [3, 1, 1], \
total damage dmg=5.0. If you want to kill them, output exactly one line: /kill. \
All other commands should be normal building commands.

Constraints:
- Output ONLY Minecraft commands, one per line.
- Allowed commands: /fill and /kill
- Fill format: /fill x1 y1 z1 x2 y2 z2 block
- Use absolute integer coordinates only (no ~).
- Use ONLY blocks from the legend.
- Every coordinate must be within the bbox.

Resource limits per agent (air unlimited):
- oak_planks: 7
- stone: 5"""

PAPER = """\
You are Player 2 in a 2-person Minecraft building team. \
You will place SOME of the blocks for the final build. \
Output must be Minecraft commands only (no markdown, no code fences, no extra text).

Task: Build the 3D structure from the provided y-axis slices.

Available blocks (use ONLY these):
- oak_planks
- stone
- air

Layers (ascending WORLD y). Each layer is a set of rectangles in WORLD (x, z) coords:
- Format: {(x1, y1, z1, x2, y2, z2 block_id), (x1, y1, z1, x2, y2, z2 block_id)}
{(0, 0, 0, 2, 0, 2 oak_planks)}
{(0, 1, 0, 0, 1, 1 stone), (2, 1, 0, 2, 1, 1 stone), (0, 1, 2, 2, 1, 2 stone)}

WORLD bbox (inclusive):
- from: [0,0,0]
- to:   [2,1,2]

Threat check: There are 3 spiders nearby; you have 5 HP. Spider attack list: [3, 1, 1], \
total damage dmg=5.0. If you want to kill them, output the attack command: /damage @e[type=spider,limit=1] 8 \
minecraft:player attack. All other commands should be normal building commands.

Constraints:
- Output ONLY Minecraft commands, one per line.
- Allowed commands: /fill and /kill
- Fill format: /fill x1 y1 z1 x2 y2 z2 block
- Use absolute integer coordinates only (no ~).
- Use ONLY blocks from the legend.
- Every coordinate must be within the bbox.

Resource limits per agent (air unlimited):
- oak_planks: 7
- stone: 5"""


def prompt(house: Blueprint, variant: Variant, agent: int = 2, agents: int = 2, air: bool = False) -> str:
    limits = resource_limits(house, agents)
    return first_prompt(house, agent, agents, HOUSE_READINGS[variant], Spiders(), limits, air)


def test_the_system_message() -> None:
    assert SYSTEM.splitlines() == [
        "You are a Minecraft building agent.",
        "Output must be Minecraft commands only (no markdown, no code fences, no extra text).",
        "This is strict: any non-command text is invalid.",
    ]


@pytest.mark.parametrize(("variant", "expected"), [("reference", REFERENCE), ("paper", PAPER)])
def test_the_whole_prompt(hut: Blueprint, variant: Variant, expected: str) -> None:
    assert prompt(hut, variant) == expected


@pytest.mark.parametrize("variant", ["reference", "paper"])
def test_agents_differ_in_their_number_alone(hut: Blueprint, variant: Variant) -> None:
    first, second = prompt(hut, variant, agent=1), prompt(hut, variant, agent=2)
    assert first != second
    assert first.replace(" 1 in a", " 2 in a", 1) == second


def test_a_single_agent_of_the_reference_reads_no_role(hut: Blueprint) -> None:
    text = prompt(hut, "reference", agent=1, agents=1)
    assert text.startswith("Build the 3D structure from the provided y-axis slices.\n\nAvailable blocks")
    assert "Task: " not in text


def test_a_single_agent_of_the_paper_keeps_its_role(hut: Blueprint) -> None:
    text = prompt(hut, "paper", agent=1, agents=1)
    assert text.startswith("You are Player 1 in a 1-person Minecraft building team.")


def test_without_limits_or_spiders_their_sections_are_gone(hut: Blueprint) -> None:
    text = first_prompt(hut, 1, 2, HOUSE_READINGS["reference"], Spiders(count=0), None, False)
    assert text == prompt(hut, "reference", agent=1).replace(
        REFERENCE[REFERENCE.index("Threat") : REFERENCE.index("Constraints")], ""
    ).removesuffix(REFERENCE[REFERENCE.index("\n\nResource") :])


def test_fractions_of_health_are_written_out(hut: Blueprint) -> None:
    text = first_prompt(
        hut, 1, 2, HOUSE_READINGS["paper"], Spiders(player_hp=2.5, player_attack=4), None, False
    )
    assert "you have 2.5 HP." in text
    assert "limit=1] 4 minecraft:player attack." in text


def test_air_rectangles_on_request(hut: Blueprint) -> None:
    assert "(1, 1, 0, 1, 1, 1 air)" in prompt(hut, "reference", air=True)
    assert "(1, 1, 0, 1, 1, 1 air)" not in prompt(hut, "reference")


def test_world_coordinates_follow_the_origin(hut: Blueprint) -> None:
    text = prompt(replace(hut, origin=(-2, 60, 5)), "reference")
    assert "y=60: {(-2, 60, 5, 0, 60, 7 oak_planks)}" in text
    assert "- from: [-2,60,5]\n- to:   [0,61,7]" in text


def test_layers_of_a_house_of_the_paper(houses: dict[str, Blueprint]) -> None:
    lines = layer_lines(houses["0002"], HOUSE_READINGS["reference"], include_air=False)
    assert lines[0] == "y=0: {(0, 0, 1, 5, 0, 5 white_concrete)}"
    assert lines[1] == (
        "y=1: {(0, 1, 1, 0, 1, 1 obsidian), (1, 1, 1, 1, 1, 1 white_concrete), (2, 1, 1, 3, 1, 1 planks), "
        "(4, 1, 1, 4, 1, 1 white_concrete), (5, 1, 1, 5, 1, 1 obsidian), (0, 1, 2, 0, 1, 4 white_concrete), "
        "(5, 1, 2, 5, 1, 4 white_concrete), (0, 1, 5, 0, 1, 5 obsidian), (1, 1, 5, 4, 1, 5 white_concrete), "
        "(5, 1, 5, 5, 1, 5 obsidian)}"
    )
    assert [line.split(":")[0] for line in lines] == [f"y={y}" for y in range(7)]


def plan_of(*layers: tuple[str, ...]) -> Blueprint:
    legend = (("S", "stone"), ("s", "stone"), ("O", "obsidian"), ("A", "air"))
    return Blueprint("plan", legend, (0, 0, 0), layers)


def test_what_ends_together_is_listed_from_left_to_right_in_the_reference() -> None:
    plan = plan_of(("OSO", "SSO", "AAA"))
    lines = [layer_lines(plan, HOUSE_READINGS[name], include_air=False) for name in ("paper", "reference")]
    head = "{(0, 0, 0, 0, 0, 0 obsidian), (1, 0, 0, 1, 0, 0 stone), "
    wide, tall = "(0, 0, 1, 1, 0, 1 stone)", "(2, 0, 0, 2, 0, 1 obsidian)"
    assert lines == [[f"{head}{tall}, {wide}}}"], [f"y=0: {head}{wide}, {tall}}}"]]


def test_a_layer_without_blocks_has_its_line() -> None:
    plan = plan_of(("S",), ("A",), ("O",))
    assert layer_lines(plan, HOUSE_READINGS["reference"], include_air=False)[1] == "y=1: {}"


def test_two_letters_for_one_block_make_one_rectangle() -> None:
    lines = layer_lines(plan_of(("SS", "ss")), HOUSE_READINGS["paper"], include_air=False)
    assert lines == ["{(0, 0, 0, 1, 0, 1 stone)}"]


def test_the_ends_of_a_prompt_of_the_paper(houses: dict[str, Blueprint]) -> None:
    text = prompt(houses["0002"], "reference")
    assert (
        "use ONLY these):\n- white_concrete\n- obsidian\n- stone_stairs\n- stone_bricks\n- planks\n- air\n"
        in text
    )
    assert "- from: [0,0,0]\n- to:   [5,6,6]\n" in text
    assert text.endswith(
        "\n\nResource limits per agent (air unlimited):\n- white_concrete: 51\n- obsidian: 9\n"
        "- stone_stairs: 27\n- stone_bricks: 40\n- planks: 1"
    )
