"""How builds look to people: the color of a block, the joints on its faces, and a build as plain data."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collm.envs.minecraft.blueprint import AIR
from collm.envs.minecraft.world import World

ANY = "any"
"""In a target: a cell that any block fills as it should."""

Segment = tuple[tuple[float, float], tuple[float, float]]
"""A line on a face, its ends as (across, up) from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Look:
    """Attributes: ``color`` as a hex string, ``joints`` the lines drawn on every face."""

    color: str
    joints: tuple[Segment, ...] = ()


def _courses(count: int) -> tuple[Segment, ...]:
    return tuple(((0.0, i / count), (1.0, i / count)) for i in range(1, count))


def _bond(count: int) -> tuple[Segment, ...]:
    """Courses with upright joints, every second course shifted by half a brick."""
    upright = [(x, row) for row in range(count) for x in ((0.5,) if row % 2 else (0.25, 0.75))]
    return (*_courses(count), *(((x, row / count), (x, (row + 1) / count)) for x, row in upright))


_STEP: tuple[Segment, ...] = (((0.0, 0.5), (1.0, 0.5)),)
_LOOKS: Sequence[tuple[str, Look]] = (
    ("oak_planks", Look("#b98f52", _courses(4))),
    ("planks", Look("#a97b43", _courses(4))),
    ("oak_log", Look("#6f5631", _courses(2))),
    ("stone_bricks", Look("#8b9097", _bond(3))),
    ("stone_stairs", Look("#a9a49a", _STEP)),
    ("stairs", Look("#b3a58c", _STEP)),
    ("white_concrete", Look("#eef0ee")),
    ("concrete", Look("#8fa3b5")),
    ("obsidian", Look("#2d2440")),
    ("cobblestone", Look("#757a7d", _bond(2))),
    ("sandstone", Look("#dccb93", _courses(2))),
    ("bricks", Look("#a4523f", _bond(4))),
    ("stone", Look("#9aa0a5")),
    ("glass", Look("#bfe3ee")),
    ("sand", Look("#e4d9a4")),
    ("wood", Look("#8a6a3f", _courses(4))),
)
_OTHERS = ("#4e9a8f", "#c77f9a", "#7f9a4e", "#9a7fc7", "#c79a4e", "#4e7fc7", "#6fae6f", "#b5654e")


def look_of(block: str) -> Look:
    """The look of the first kind that the block's name contains; else a plain color of its own."""
    if block == ANY:
        return Look("#c9ced6")
    for kind, look in _LOOKS:
        if kind in block:
            return look
    return Look(_OTHERS[zlib.crc32(block.encode()) % len(_OTHERS)])


def voxels(built: World, target: World) -> dict[str, Any]:
    """A panel of the kind ``voxels``, as :meth:`collm.env.Environment.panel` describes it."""
    blocks = sorted({*built.values(), *target.values()} - {AIR})
    return {
        "kind": "voxels",
        "built": _cells(built),
        "target": _cells(target),
        "legend": {block: look_of(block).color for block in blocks},
    }


def _cells(world: World) -> list[list[Any]]:
    return [[*cell, block] for cell, block in sorted(world.items()) if block != AIR]
