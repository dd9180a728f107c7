"""Houses to practise on: small ones in many colours, and some about as large as the HouseBuild paper's."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from collm.base.seeding import derive
from collm.envs.minecraft.blueprint import AIR, Blueprint
from collm.envs.minecraft.houses import random_house

BLOCKS = (
    "white_concrete",
    "obsidian",
    "stone_stairs",
    "stone_bricks",
    "planks",
    "oak_planks",
    "cobblestone",
    "bricks",
    "sandstone",
)
LETTERS = "COSBD"
"""Walls, corners, trim, roof and door."""

WIDTHS, DEPTHS = (4, 5, 6, 6, 6, 7, 8, 10), (5, 6, 7, 7, 7, 8, 9, 10)

Layer = tuple[str, ...]
Kind = Literal["jumble", "small", "large"]


def practice_houses(
    count: int, seed: int, shares: Mapping[Kind, float], exclude: Sequence[Blueprint]
) -> tuple[Blueprint, ...]:
    """Draw houses of several kinds; they may recur, but none is like one of ``exclude``."""
    forbidden = {(house.inventory, house.layers) for house in exclude}
    stream, houses = random.Random(derive(seed, "practice")), list[Blueprint]()
    while len(houses) < count:
        kind = stream.choices(list(shares), list(shares.values()))[0]
        house = _KINDS[kind](f"practice_{len(houses)}", stream)
        if (house.inventory, house.layers) not in forbidden:
            houses.append(house)
    return tuple(houses)


def jumble(name: str, stream: random.Random) -> Blueprint:
    """Layers of random blocks: nothing about its plan can be guessed, so it must be read."""
    width, height, depth = (stream.randint(2, 6) for _ in range(3))
    blocks = stream.sample(BLOCKS, stream.randint(2, 4))
    legend = (*zip("BWLD", blocks, strict=False), ("A", AIR))
    letters = [letter for letter, _ in legend]
    layers = tuple(_jumbled_layer(width, depth, letters, stream) for _ in range(min(height, 4)))
    if all(row == "A" * width for layer in layers for row in layer):
        return jumble(name, stream)
    return Blueprint(name, legend, (0, 0, 0), layers)


def _jumbled_layer(width: int, depth: int, letters: Sequence[str], stream: random.Random) -> Layer:
    """Two bands of rows, each of two runs of one block."""
    rows: list[str] = []
    turn = stream.randint(1, depth)
    for count in (turn, depth - turn):
        cut = stream.randint(1, width)
        first, second = stream.choices(letters, k=2)
        rows += [first * cut + second * (width - cut)] * count
    return tuple(rows)


def small_house(name: str, stream: random.Random) -> Blueprint:
    """A house of the shape of the environment's own, in any three blocks."""
    house = random_house(name, stream)
    colours = dict(zip("BWL", stream.sample(BLOCKS, 3), strict=True)) | {"A": AIR}
    return replace(house, inventory=tuple((letter, colours[letter]) for letter, _ in house.inventory))


def large_house(name: str, stream: random.Random) -> Blueprint:
    """A floor, walls with posts, a door and perhaps a window, a ceiling and a roof; 4-10 wide, 5-10 deep."""
    width, depth = stream.choice(WIDTHS), stream.choice(DEPTHS)
    margin = stream.choice((0, 1, 1))
    storeys = [_storey(width, depth - 2 * margin, stream, level) for level in range(stream.randint(1, 3))]
    floor = ["C" * width] * (depth - 2 * margin)
    ceiling = _trimmed(width, depth, 0)
    roof = [_trimmed(width, depth, inset) for inset in range(1, stream.randint(1, 3))]
    layers = [*(_centred(rows, width, margin) for rows in (floor, *storeys)), ceiling, *roof]
    blocks = dict(zip(LETTERS, stream.sample(BLOCKS, len(LETTERS)), strict=True))
    used = {letter for layer in layers for row in layer for letter in row}
    legend = tuple((letter, blocks[letter]) for letter in LETTERS if letter in used)
    return Blueprint(name, (*legend, ("A", AIR)), (0, 0, 0), tuple(layers))


def _centred(rows: list[str], width: int, margin: int) -> Layer:
    empty = ["A" * width] * margin
    return (*empty, *rows, *empty)


def _storey(width: int, depth: int, stream: random.Random, level: int) -> list[str]:
    """One ring of walls with corner posts; a door in the first storeys, a gap as a window above it."""
    solid = "O" + "C" * (width - 2) + "O"
    left = stream.randrange(1, width - 2)
    opening = "DD" if level == 0 else stream.choice(("AA", "CC"))
    front = solid[:left] + opening + solid[left + 2 :]
    return [front, *["C" + "A" * (width - 2) + "C"] * (depth - 2), solid]


def _trimmed(width: int, depth: int, inset: int) -> Layer:
    """A plate of roof, ``inset`` rows in from either side, with a line of trim along both sides."""
    inset = min(inset, (depth - 3) // 2)
    empty, trim, roof = "A" * width, "S" * width, "B" * width
    return (*[empty] * inset, trim, *[roof] * (depth - 2 * inset - 2), trim, *[empty] * inset)


_KINDS: dict[Kind, Callable[[str, random.Random], Blueprint]] = {
    "jumble": jumble,
    "small": small_house,
    "large": large_house,
}
