"""The first observation of a StrBuild episode, in a repaired wording or in that of the reference."""

from __future__ import annotations

from collections.abc import Sequence

from collm.envs.minecraft.blueprint import AIR
from collm.envs.minecraft.framing import Framing
from collm.envs.minecraft.lettering import GLYPH_SIZE, SPACING, Lettering
from collm.envs.minecraft.lettering_readings import LetteringReading
from collm.envs.minecraft.lettering_score import palette_of
from collm.envs.minecraft.prompts import bbox_text, blocks_text

FORMAT = "Format: /setblock <x> <y> <z> <block>"
_CONSTRAINTS = (
    "Constraints:\n"
    "- Output ONLY Minecraft commands, one per line.\n"
    "- Allowed commands: /setblock only\n"
    "- Use absolute integer coordinates only (no ~).\n"
    "- Place blocks only at '#' positions.\n"
    "- Adjacent blocks sharing a side must not be the same texture.\n"
    "- Every coordinate must be within the bbox."
)
_MAPPING = (
    "Coordinate mapping:\n- x runs from left to right.\n- y runs from bottom to top.\n- z is constant ({z})."
)


def first_lettering_prompt(
    task: Lettering, index: int, num_agents: int, reading: LetteringReading, provide_graph: bool
) -> str:
    """The task as the agent at ``index``, from 0, reads it.

    Without the graph, the grid and every line that speaks of its marks are left out. A reading that
    names the string does so in any case, so that no two tasks read alike.
    """
    sections = [
        "\n".join(_role(index + 1, num_agents, reading.framing)),
        _string(task) if reading.names_string else "",
        "\n".join(_grid(task)) if provide_graph else "",
        bbox_text((0, 0, 0), task.end),
        _MAPPING.format(z=task.end[2]),
        blocks_text((*palette_of(index), AIR)),
        f"{_CONSTRAINTS}\n{FORMAT}",
    ]
    text = "\n\n".join(section for section in sections if section)
    return text if provide_graph else _without_marks(text)


def _role(number: int, num_agents: int, framing: Framing) -> Sequence[str]:
    who, title = framing.role(number, num_agents), framing.title
    if number == 1:
        return [who] if who else []
    earlier = f"{title} 1" if number == 2 else f"{title}s 1 to {number - 1}"
    whose = f"{title} 1's" if number == 2 else "their"
    return [
        who,
        f"You write after {earlier}, so your /setblock commands overwrite {whose} results.",
        "Choose a reasonable subset of '#' positions to write.",
    ]


def _string(task: Lettering) -> str:
    return (
        f'Task: Write "{task.text}" in upright block letters. Each character is {GLYPH_SIZE} blocks wide '
        f"and high, with {SPACING} empty columns between characters."
    )


def _grid(task: Lettering) -> Sequence[str]:
    return ["Target grid (top-down rows; '#' is a block, '.' is empty):", *task.rows]


def _without_marks(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if "#'" not in line and "'.'" not in line)
