"""Our own houses: a seeded generator of small buildings of several sizes and block palettes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

from collm.base.seeding import derive
from collm.env import Split
from collm.envs.minecraft.blueprint import AIR, Blueprint
from collm.envs.minecraft.world import resource_limits

PALETTES = (
    ("cobblestone", "oak_planks", "bricks"),
    ("stone_bricks", "white_concrete", "planks"),
    ("obsidian", "sandstone", "stone_stairs"),
    ("oak_planks", "bricks", "stone_bricks"),
    ("sandstone", "cobblestone", "obsidian"),
    ("white_concrete", "stone_stairs", "oak_planks"),
)
"""Blocks of the floor and roof, of the walls, and of the lamps."""

TRAIN_HOUSES, TEST_HOUSES = 192, 32


@cache
def generate_houses(split: Split) -> tuple[Blueprint, ...]:
    """The embedded dataset. No two houses are alike, so none of the test ones was trained on."""
    houses = unique_houses(TRAIN_HOUSES + TEST_HOUSES, seed=0)
    return houses[:TRAIN_HOUSES] if split == "train" else houses[TRAIN_HOUSES:]


def unique_houses(count: int, seed: int, exclude: Sequence[Blueprint] = ()) -> tuple[Blueprint, ...]:
    """Draw ``count`` houses, none like another or like one of ``exclude``."""
    seen = {(house.inventory, house.layers) for house in exclude}
    stream, houses = random.Random(derive(seed, "houses")), list[Blueprint]()
    while len(houses) < count:
        house = random_house(f"house_{len(houses):04d}", stream)
        if (house.inventory, house.layers) not in seen and buildable(house, num_agents=2):
            seen.add((house.inventory, house.layers))
            houses.append(house)
    return tuple(houses)


def random_house(name: str, stream: random.Random) -> Blueprint:
    """A floor, one or two storeys of walls with a door, and a roof; 3-5 wide and deep, 3-4 high."""
    width, depth = stream.randint(3, 5), stream.randint(3, 5)
    palette = stream.choice(PALETTES)
    floor, walls = ["B" * width] * depth, _walls(width, depth)
    door = stream.randrange(1, width - 1)
    entrance = [walls[0][:door] + "A" + walls[0][door + 1 :], *walls[1:]]
    storeys = [entrance] if stream.random() < 0.7 else [entrance, walls]
    layers = tuple(tuple(rows) for rows in [floor, *storeys, _roof(width, depth, stream)])
    used = {letter for rows in layers for row in rows for letter in row}
    legend = [*zip("BWL", palette, strict=True), ("A", AIR)]
    return Blueprint(name, tuple(entry for entry in legend if entry[0] in used), (0, 0, 0), layers)


def buildable(house: Blueprint, num_agents: int) -> bool:
    """Whether dealing out whole rectangles, largest first, can stay within every agent's limits."""
    limits = resource_limits(house, num_agents)
    left = [dict(limits) for _ in range(num_agents)]
    for rectangle in sorted(house.rectangles(), key=lambda r: -r.area):
        richest = max(left, key=lambda budget: budget[rectangle.block])
        richest[rectangle.block] -= rectangle.area
    return all(count >= 0 for budget in left for count in budget.values())


def _walls(width: int, depth: int) -> list[str]:
    full, hollow = "W" * width, "W" + "A" * (width - 2) + "W"
    return [full, *[hollow] * (depth - 2), full]


def _roof(width: int, depth: int, stream: random.Random) -> list[str]:
    """Flat, flat with two lamps, a ridge along x, or a cap that leaves the rim open."""
    shape = stream.choice(("flat", "lamps", "ridge", "cap"))
    flat, rim = "B" * width, "A" * width
    if shape == "flat":
        return [flat] * depth
    if shape == "lamps":
        return ["L" + flat[2:] + "L", *[flat] * (depth - 1)]
    if shape == "ridge":
        first = stream.randrange(0, depth - 1)
        last = stream.randrange(first + 1, depth)
        return [flat if first <= z <= last else rim for z in range(depth)]
    return [rim, *["A" + flat[2:] + "A"] * (depth - 2), rim]
