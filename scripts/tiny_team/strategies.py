"""What the demonstrations do: read the plan faithfully, but choose what to build without a teammate in mind.

Every reply follows a strategy drawn at random. The mixture holds complementary pairs, so that
reinforcement learning has something to find, and nothing in it favours them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeVar

from collm.envs.minecraft.blueprint import Blueprint, Rectangle

Order = Literal["ascending", "descending"]
Part = Literal["all", "lower", "upper", "half", "few"]
ChoiceT = TypeVar("ChoiceT")
Attack = Literal["never", "first", "last"]

ORDERS: dict[Order, float] = {"ascending": 0.5, "descending": 0.5}
PARTS: dict[Part, float] = {"all": 0.15, "lower": 0.25, "upper": 0.25, "half": 0.15, "few": 0.2}
ATTACKS: dict[Attack, float] = {"never": 0.85, "first": 0.1, "last": 0.05}
PERSISTENCE = 0.5
"""Chance that an agent keeps its strategy for another turn."""
DROPPED = 0.02
"""Chance that a rectangle of the chosen part is forgotten."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """Which rectangles of a plan an agent builds, in which order, and whether it attacks."""

    order: Order
    part: Part
    attack: Attack


def draw_strategy(stream: random.Random) -> Strategy:
    """An independent draw of each aspect."""
    return Strategy(_pick(ORDERS, stream), _pick(PARTS, stream), _pick(ATTACKS, stream))


def next_strategy(last: Strategy, stream: random.Random) -> Strategy:
    """The same strategy again, or a new one."""
    return last if stream.random() < PERSISTENCE else draw_strategy(stream)


def reply(house: Blueprint, strategy: Strategy, stream: random.Random) -> str:
    """The commands of a strategy, one to a line."""
    chosen = _part(house.rectangles(), strategy.part, stream)
    kept = [rectangle for rectangle in chosen if stream.random() >= DROPPED] or chosen
    if strategy.order == "descending":
        kept = kept[::-1]
    lines = [fill_line(rectangle) for rectangle in kept]
    before = ["/kill"] if strategy.attack == "first" else []
    after = ["/kill"] if strategy.attack == "last" else []
    return "\n".join([*before, *lines, *after])


def fill_line(r: Rectangle) -> str:
    """The command that builds a rectangle."""
    return f"/fill {r.x1} {r.y} {r.z1} {r.x2} {r.y} {r.z2} {r.block}"


def _part(rectangles: tuple[Rectangle, ...], part: Part, stream: random.Random) -> list[Rectangle]:
    """A part of the plan in its own order; never empty."""
    top = rectangles[-1].y
    if part == "lower":
        cut = stream.randint(0, max(0, top - 1))
        return [rectangle for rectangle in rectangles if rectangle.y <= cut]
    if part == "upper":
        cut = stream.randint(min(1, top), top)
        return [rectangle for rectangle in rectangles if rectangle.y >= cut]
    if part == "half":
        return _sample(rectangles, (len(rectangles) + 1) // 2, stream)
    if part == "few":
        return _sample(rectangles, stream.randint(1, 2), stream)
    return list(rectangles)


def _sample(rectangles: tuple[Rectangle, ...], count: int, stream: random.Random) -> list[Rectangle]:
    chosen = sorted(stream.sample(range(len(rectangles)), min(count, len(rectangles))))
    return [rectangles[index] for index in chosen]


def _pick(weights: dict[ChoiceT, float], stream: random.Random) -> ChoiceT:
    return stream.choices(list(weights), list(weights.values()))[0]
