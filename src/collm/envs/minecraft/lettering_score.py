"""Measures a lettering: how much is covered, what is too much, and whether the textures alternate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.world import World

PALETTES = (("oak_planks", "stone"), ("white_concrete", "obsidian"))
"""Blocks of the first and the second agent; later agents repeat them in turn."""

COVERAGE_WEIGHT, EXTRA_WEIGHT, ADJACENT_WEIGHT, PALETTE_WEIGHT = 2.0, 1.5, 1.0, 0.25
_TEXTURES = (
    ("planks", "wood"),
    ("wood", "wood"),
    ("concrete", "concrete"),
    ("obsidian", "obsidian"),
    ("stone", "stone"),
)


@dataclass(frozen=True, slots=True)
class Score:
    """What a build is worth.

    Attributes:
        coverage: share of the letters' cells that hold any block.
        extra_ratio: share of the background's cells that hold a block.
        adjacent_same_ratio: share of the pairs of blocks with a common side that have one texture.
        missing_palettes: agents of whose palette some block is nowhere in the build.
        iou: covered cells over letters' cells and extra ones.
    """

    coverage: float
    extra_ratio: float
    adjacent_same_ratio: float
    missing_palettes: int
    iou: float

    @property
    def components(self) -> dict[str, float]:
        """The weighted terms; their sum is the reward, 2 at most. None is ever -0.0."""
        return {
            "coverage": COVERAGE_WEIGHT * self.coverage,
            "extra": -EXTRA_WEIGHT * self.extra_ratio or 0.0,
            "adjacent": -ADJACENT_WEIGHT * self.adjacent_same_ratio or 0.0,
            "palettes": -PALETTE_WEIGHT * self.missing_palettes or 0.0,
        }


def palette_of(index: int) -> tuple[str, ...]:
    """The blocks of the agent at ``index``, from 0, without air."""
    return PALETTES[index % len(PALETTES)]


def texture(block: str) -> str:
    """The texture of a block: kinds of planks and wood look alike, and so do kinds of stone."""
    return next((name for part, name in _TEXTURES if part in block), block)


def score(task: Lettering, world: World, num_agents: int) -> Score:
    """Measure a build, in which air is absent, for a team of ``num_agents``."""
    letters, blocks = set(task.cells), set(world.values())
    covered, extra = len(letters & world.keys()), len(world.keys() - letters)
    width, height, _ = task.end
    background = (width + 1) * (height + 1) - len(letters)
    pairs = _adjacent_pairs(world)
    same = sum(texture(world[one]) == texture(world[other]) for one, other in pairs)
    return Score(
        coverage=covered / len(letters),
        extra_ratio=extra / background if background else 0.0,
        adjacent_same_ratio=same / len(pairs) if pairs else 0.0,
        missing_palettes=sum(not blocks.issuperset(palette_of(index)) for index in range(num_agents)),
        iou=covered / (len(letters) + extra),
    )


def lowest_reward(num_agents: int) -> float:
    """A bound from below: nothing covered, everything else at its worst."""
    return -EXTRA_WEIGHT - ADJACENT_WEIGHT - PALETTE_WEIGHT * num_agents


def _adjacent_pairs(world: World) -> Sequence[tuple[Point, Point]]:
    """Pairs of placed cells that share a side in the plane."""
    return [
        ((x, y, z), neighbor)
        for x, y, z in world
        for neighbor in ((x + 1, y, z), (x, y + 1, z))
        if neighbor in world
    ]
