from __future__ import annotations

import itertools

import pytest

from collm.envs.minecraft.framing import Variant
from collm.envs.minecraft.lettering import Lettering, embedded_strings
from collm.envs.minecraft.lettering_prompts import first_lettering_prompt
from collm.envs.minecraft.lettering_readings import LETTERING_READINGS

TASKS = [*embedded_strings("train"), *embedded_strings("test")]
REFERENCE = """\
You are Agent 2 in a 2-person Minecraft building team. You will place SOME of the blocks for the final build.
You write after Agent 1, so your /setblock commands overwrite Agent 1's results.
Choose a reasonable subset of '#' positions to write.

Target grid (top-down rows; '#' is a block, '.' is empty):
#....
#....
#....
#....
#####

WORLD bbox (inclusive):
- from: [0,0,0]
- to:   [4,4,0]

Coordinate mapping:
- x runs from left to right.
- y runs from bottom to top.
- z is constant (0).

Available blocks (use ONLY these):
- white_concrete
- obsidian
- air

Constraints:
- Output ONLY Minecraft commands, one per line.
- Allowed commands: /setblock only
- Use absolute integer coordinates only (no ~).
- Place blocks only at '#' positions.
- Adjacent blocks sharing a side must not be the same texture.
- Every coordinate must be within the bbox.
Format: /setblock <x> <y> <z> <block>"""


def prompt(text: str, variant: Variant, index: int = 1, agents: int = 2, graph: bool = True) -> str:
    return first_lettering_prompt(Lettering("t", text), index, agents, LETTERING_READINGS[variant], graph)


def test_the_whole_prompt_of_the_reference() -> None:
    assert prompt("L", "reference") == REFERENCE


def test_without_the_graph_every_line_with_a_mark_is_gone() -> None:
    start, end = REFERENCE.index("Target"), REFERENCE.index("WORLD")
    bare = REFERENCE[:start] + REFERENCE[end:]
    expected = [line for line in bare.splitlines() if "#'" not in line]
    assert prompt("L", "reference", graph=False).splitlines() == expected
    assert "#" not in prompt("L", "reference", graph=False)


def test_without_the_graph_tasks_of_the_reference_with_one_box_read_alike() -> None:
    """Bug S-1, kept in the reading that carries its name."""
    texts = [first_lettering_prompt(task, 0, 2, LETTERING_READINGS["reference"], False) for task in TASKS]
    assert len(set(texts)) == 4


@pytest.mark.parametrize("graph", [True, False])
def test_the_paper_reading_tells_every_task_apart(graph: bool) -> None:
    texts = [first_lettering_prompt(task, 0, 2, LETTERING_READINGS["paper"], graph) for task in TASKS]
    assert len(set(texts)) == len(TASKS)
    assert all(f'Write "{task.text}" in' in text for task, text in zip(TASKS, texts, strict=True))


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_each_agent_reads_its_own_role_and_blocks(variant: Variant) -> None:
    title = "Player" if variant == "paper" else "Agent"
    texts = [prompt("L", variant, index, agents=3) for index in range(3)]
    for number, text in enumerate(texts, start=1):
        assert text.startswith(f"You are {title} {number} in a 3-person Minecraft building team.")
    assert "overwrite" not in texts[0]
    assert f"You write after {title} 1, so your /setblock commands overwrite {title} 1's results." in texts[1]
    assert f"You write after {title}s 1 to 2, so your /setblock commands overwrite their results." in texts[2]
    assert "- oak_planks\n- stone\n- air" in texts[0]
    assert "- white_concrete\n- obsidian\n- air" in texts[1]
    assert "- oak_planks\n- stone\n- air" in texts[2]
    assert all(one != other for one, other in itertools.combinations(texts, 2))


def test_a_single_agent_of_the_reference_reads_no_role() -> None:
    assert prompt("L", "reference", index=0, agents=1).startswith("Target grid")
