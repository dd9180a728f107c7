"""Builds a world from commands and measures it against a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collm.envs.minecraft.blueprint import AIR, Blueprint, Point
from collm.envs.minecraft.commands import Command, Fill

World = Mapping[Point, str]
"""The blocks that were placed; a cell that is absent is air."""


def build(commands: Iterable[Command]) -> dict[Point, str]:
    """Apply fills in order to an empty world; later ones overwrite, air erases."""
    world: dict[Point, str] = {}
    for command in commands:
        if isinstance(command, Fill):
            _apply(command, world)
    return world


def _apply(fill: Fill, world: dict[Point, str]) -> None:
    (x1, y1, z1), (x2, y2, z2) = fill.low, fill.high
    cells = ((x, y, z) for y in range(y1, y2 + 1) for z in range(z1, z2 + 1) for x in range(x1, x2 + 1))
    if fill.block == AIR:
        for cell in cells:
            world.pop(cell, None)
    else:
        world.update(dict.fromkeys(cells, fill.block))


def wrong_cells(target: World, world: World) -> list[tuple[Point, str]]:
    """Cells of the target's box that hold another block than wanted, with the wanted block."""
    return [(cell, block) for cell, block in target.items() if world.get(cell, AIR) != block]


def match(target: World, world: World) -> float:
    """Fraction of the box's cells, air included, that hold the wanted block."""
    return 1 - len(wrong_cells(target, world)) / len(target)


def iou(target: World, world: World, block_aware: bool = False) -> float:
    """Intersection over union of the solid cells; 0 if both are empty.

    Args:
        target: wanted blocks, air may be present.
        world: placed blocks, no air.
        block_aware: count a shared cell only if its block is the wanted one.
    """
    solid = {cell: block for cell, block in target.items() if block != AIR}
    union = len(solid.keys() | world.keys())
    shared = solid.keys() & world.keys()
    if block_aware:
        shared = {cell for cell in shared if solid[cell] == world[cell]}
    return len(shared) / union if union else 0.0


def resource_limits(blueprint: Blueprint, num_agents: int) -> dict[str, int]:
    """Cells of each solid block that one of ``n`` agents may fill: ceil(count / n) + floor(count / 2n).

    No agent can build everything alone once ``n`` is 2 or more. Blocks are in the legend's order.
    """
    cells = list(blueprint.target().values())
    counts = {block: cells.count(block) for block in blueprint.blocks if block != AIR}
    return {block: -(-count // num_agents) + count // (2 * num_agents) for block, count in counts.items()}
