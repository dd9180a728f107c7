from __future__ import annotations

from dataclasses import replace

import pytest

from collm.envs.minecraft.framing import Variant
from collm.envs.minecraft.lettering import Lettering, embedded_strings
from collm.envs.minecraft.lettering_feedback import MODES, LetteringReview
from collm.envs.minecraft.lettering_plans import paper_plan, reference_plan
from collm.envs.minecraft.lettering_readings import LETTERING_READINGS
from collm.envs.minecraft.lettering_score import palette_of, score, texture

TASKS = [*embedded_strings("train"), *embedded_strings("test")]
ONLY = "- Do not output any text other than commands."
REVIEW = LetteringReview(
    task=Lettering("t", "L"),
    reading=LETTERING_READINGS["paper"],
    index=0,
    num_agents=2,
    turn=2,
    previous_reward=-0.5,
    world={(0, 0, 0): "oak_planks", (1, 0, 0): "stone", (3, 3, 0): "obsidian", (1, 1, 0): "stone"},
    max_commands=150,
)
POSITIONS = [
    "- (0, 4, 0)",
    "- (0, 3, 0)",
    "- (0, 2, 0)",
    "- (0, 1, 0)",
    "- (0, 0, 0)",
    "- (1, 0, 0)",
    "- (2, 0, 0)",
    "- (3, 0, 0)",
    "- (4, 0, 0)",
]


def told(review: LetteringReview, mode: str) -> list[str]:
    return "\n".join(MODES[mode](review)).splitlines()


def test_score() -> None:
    assert told(REVIEW, "score_feedback") == ["Score feedback:", "- Turn: 2", "- Previous reward: -0.5000"]


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_position_lists_the_letters(variant: Variant) -> None:
    review = replace(REVIEW, reading=LETTERING_READINGS[variant], index=1)
    assert told(review, "position_feedback") == [
        "Position feedback (subset selection):",
        "- Turn: 2",
        "- Coordinates are absolute.",
        ONLY,
        "- Choose a subset of about half the positions (target size ~ 4).",
        "- Avoid pairs of positions that are 4-connected neighbors.",
        "- Max commands allowed: 150",
        "All letter positions:",
        *POSITIONS,
        "Available blocks (use ONLY these):",
        "- white_concrete",
        "- obsidian",
        "- air",
        "Format: /setblock <x> <y> <z> <block>",
    ]


def test_position_asks_a_larger_team_for_smaller_shares() -> None:
    line = told(replace(REVIEW, num_agents=3), "position_feedback")[4]
    assert line == "- Choose a subset of about 1/3 of the positions (target size ~ 3)."


PERFECT_HEAD = [
    "Feedback (coordinate edits):",
    "- Turn: 2",
    "- Coordinates are absolute.",
    ONLY,
    "Set your correct texture at:",
]


def test_perfect_of_the_paper_reading_names_the_blocks() -> None:
    """Diagonals x + y run oak, concrete, stone, obsidian; the corner is right, (1, 0) is not."""
    assert told(REVIEW, "perfect_feedback") == [
        *PERFECT_HEAD,
        "- (0, 4, 0) = oak_planks",
        "- (0, 2, 0) = stone",
        "- (2, 0, 0) = stone",
        "- (4, 0, 0) = oak_planks",
    ]
    assert told(replace(REVIEW, index=1), "perfect_feedback") == [
        *PERFECT_HEAD,
        "- (0, 3, 0) = obsidian",
        "- (0, 1, 0) = white_concrete",
        "- (1, 0, 0) = white_concrete",
        "- (3, 0, 0) = obsidian",
        "Remove extra blocks (set air) at:",
        "- (3, 3, 0)",
        "- (1, 1, 0)",
    ]


def test_perfect_of_the_reference_gives_coordinates_alone() -> None:
    review = replace(REVIEW, reading=LETTERING_READINGS["reference"])
    assert told(review, "perfect_feedback") == [
        *PERFECT_HEAD,
        "- (0, 4, 0)",
        "- (0, 2, 0)",
        "- (2, 0, 0)",
        "- (4, 0, 0)",
    ]
    assert told(replace(review, index=1, world={}), "perfect_feedback")[-2:] == [
        "Remove extra blocks (set air) at:",
        "(none)",
    ]


@pytest.mark.parametrize("agents", [1, 2, 3, 8])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.text)
def test_obeying_the_plan_of_the_paper_reading_is_worth_two(task: Lettering, agents: int) -> None:
    plan = paper_plan(task, agents)
    assert all(block in palette_of(owner) for owner, block in plan.values())
    world = {cell: block for cell, (_, block) in plan.items()}
    assert sum(score(task, world, agents).components.values()) == 2.0


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.text)
def test_obeying_the_plan_of_the_reference_is_worth_no_more_than_one_and_a_half(task: Lettering) -> None:
    """Bug S-3: each agent ever sees one block of its palette."""
    plan = reference_plan(task, 2)
    assert set(plan.values()) <= {(0, "oak_planks"), (1, "obsidian")}
    world = {cell: block for cell, (_, block) in plan.items()}
    assert sum(score(task, world, 2).components.values()) == 1.5


@pytest.mark.parametrize("agents", [1, 2, 3, 4, 8])
def test_no_plan_puts_one_texture_on_both_sides_of_an_edge(agents: int) -> None:
    for task in TASKS:
        for plan in (paper_plan(task, agents), reference_plan(task, agents)):
            for (x, y, z), (_, block) in plan.items():
                for neighbor in ((x + 1, y, z), (x, y + 1, z)):
                    if neighbor in plan:
                        assert texture(plan[neighbor][1]) != texture(block)


@pytest.mark.parametrize("agents", [2, 3, 8])
def test_every_agent_owns_some_cells(agents: int) -> None:
    for task in TASKS:
        assert {owner for owner, _ in paper_plan(task, agents).values()} == set(range(agents))
