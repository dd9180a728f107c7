"""What an agent hears after a turn: the six feedback modes of HouseBuild.

A mode is a function from a :class:`Review` to lines of text. Agents never see each other's replies,
only what the mode says about the joint build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from collm.envs.minecraft.blueprint import AIR, Blueprint, Point, Rectangle
from collm.envs.minecraft.commands import Command, Fill
from collm.envs.minecraft.house_readings import HouseReading
from collm.envs.minecraft.world import World, wrong_cells


@dataclass(frozen=True, slots=True)
class Review:
    """What is known about the turn before, from the side of one agent.

    Attributes:
        agent: the agent's name.
        number: its place in the team, from 1.
        turn: the number of the turn to come, from 1.
        previous_reward: what the turn before earned, before scale and shift.
        commands: the agent's accepted commands of the turn before.
        limits: resource limits of the agent, ``None`` if there are none.
        max_commands: how many commands count.
        list_limit: how many entries a list of suggestions may have.
    """

    blueprint: Blueprint
    reading: HouseReading
    agent: str
    number: int
    num_agents: int
    turn: int
    previous_reward: float
    world: World
    commands: tuple[Command, ...]
    limits: Mapping[str, int] | None
    max_commands: int
    list_limit: int


Mode = Callable[[Review], list[str]]

COMMANDS_ONLY = "- Do not output any text other than commands."


def score_feedback(review: Review) -> list[str]:
    """The previous reward and nothing else."""
    return [
        "Score feedback:",
        f"- Turn: {review.turn}",
        f"- Previous reward: {review.previous_reward:.4f}",
        COMMANDS_ONLY,
    ]


def perfect_feedback(review: Review) -> list[str]:
    """Every wrong cell with its wanted block, dealt out to the agents in turn."""
    to_set = _top_down(wrong_cells(review.blueprint.target(), review.world))
    to_remove = list[tuple[Point, str]]()
    if review.reading.names_extras:
        to_remove = [entry for entry in to_set if entry[1] == AIR]
        to_set = [entry for entry in to_set if entry[1] != AIR]
    mine = to_set[review.number - 1 :: review.num_agents]
    lines = [
        "Feedback (coordinate edits):",
        f"- Turn: {review.turn}",
        "- Coordinates are absolute.",
        "- Use /fill only.",
        COMMANDS_ONLY,
        "- Fix ONLY the listed positions.",
        "- Use: /fill x y z x y z block",
        "Set these blocks:",
        *listed(f"- ({x}, {y}, {z}) = {block}" for (x, y, z), block in mine),
    ]
    if review.number == review.num_agents:
        lines.append("Remove extra blocks (set air) at:")
        lines.extend(listed(f"- ({x}, {y}, {z})" for (x, y, z), _ in to_remove))
    return lines


def position_feedback(review: Review) -> list[str]:
    """The whole target again, to choose a share from; independent of what was built."""
    solid = _top_down([entry for entry in review.blueprint.target().items() if entry[1] != AIR])
    return [
        "Position feedback (subset selection):",
        f"- Turn: {review.turn}",
        review.reading.framing.share_line(len(solid), review.num_agents),
        f"- Max commands allowed: {review.max_commands}",
        "All target positions:",
        *(f"- ({x}, {y}, {z}) = {block}" for (x, y, z), block in solid),
        "Available blocks:",
        *(f"- {block}" for block in review.blueprint.blocks),
        "Format: /fill x1 y1 z1 x2 y2 z2 block",
    ]


def position_modification(review: Review) -> list[str]:
    """The first wrong cells, the same for every agent."""
    wrong = wrong_cells(review.blueprint.target(), review.world)
    wrong.sort(key=lambda entry: (entry[0][1], entry[0][0], entry[0][2]))
    return [
        COMMANDS_ONLY,
        "Modification suggestions (use these to fix errors):",
        *listed(f"({x} {y} {z} {block})" for (x, y, z), block in wrong[: review.list_limit]),
    ]


def rect_modification(review: Review) -> list[str]:
    """Target rectangles that hold a wrong cell, in the agent's own band of layers."""
    wrong = {cell for cell, _ in wrong_cells(review.blueprint.target(), review.world)}
    rectangles = sorted(
        (
            rectangle
            for rectangle in review.blueprint.rectangles(include_air=True)
            if rectangle.y in _band(review) and not wrong.isdisjoint(rectangle.cells())
        ),
        key=_place,
    )
    return [
        COMMANDS_ONLY,
        "Reminder: each turn starts from an empty (all-air) world.",
        *_accepted(review),
        "Suggested rectangles to fix mismatches:",
        *listed(_rectangle_line(rectangle) for rectangle in rectangles[: review.list_limit]),
    ]


def resource_schedule(review: Review) -> list[str]:
    """What is left of the agent's resources, and the largest rectangles that they would pay for."""
    assert review.limits is not None
    left = dict(review.limits)
    for command in review.commands:
        if isinstance(command, Fill) and command.block in left:
            left[command.block] -= command.volume
    plan = review.blueprint.rectangles()
    suggestions, after = _schedule(plan, left)
    part = _best_part(set(plan).difference(suggestions), after)
    shown = after if review.reading.counts_suggestions else left
    return [
        COMMANDS_ONLY,
        *_accepted(review),
        "Remaining resources after previous turn (air unlimited):",
        *listed(f"- {block}: {count}" for block, count in shown.items()),
        "Suggested rectangles to build next (greedy by size):",
        *listed(_rectangle_line(rectangle) for rectangle in (*suggestions, *part)),
    ]


MODES: dict[str, Mode] = {
    mode.__name__: mode
    for mode in (
        score_feedback,
        perfect_feedback,
        position_feedback,
        position_modification,
        rect_modification,
        resource_schedule,
    )
}


def _band(review: Review) -> range:
    """The world heights that an agent repairs."""
    y0, height = review.blueprint.origin[1], review.blueprint.size[1]
    if review.num_agents > 1 and not review.reading.even_bands:
        return range(y0, 3) if review.number == 1 else range(2, y0 + height)
    low, high = (height * part // review.num_agents for part in (review.number - 1, review.number))
    return range(y0 + low, y0 + high)


def _schedule(
    rectangles: Iterable[Rectangle], budget: Mapping[str, int]
) -> tuple[list[Rectangle], dict[str, int]]:
    """Whole rectangles, largest first, while the budget lasts, and what they leave of it."""
    left, chosen = dict(budget), list[Rectangle]()
    for rectangle in _by_size(rectangles):
        if rectangle.area <= left.get(rectangle.block, 0):
            left[rectangle.block] -= rectangle.area
            chosen.append(rectangle)
    return chosen, left


def _best_part(rectangles: Iterable[Rectangle], budget: Mapping[str, int]) -> list[Rectangle]:
    """The largest part of one of the rectangles that the budget pays for, if there is any."""
    fitting = [_largest_part(rectangle, budget.get(rectangle.block, 0)) for rectangle in _by_size(rectangles)]
    parts = [part for part in fitting if part is not None]
    return [max(parts, key=lambda part: part.area)] if parts else []


def _by_size(rectangles: Iterable[Rectangle]) -> list[Rectangle]:
    return sorted(rectangles, key=lambda rectangle: (-rectangle.area, *_place(rectangle)))


def _place(r: Rectangle) -> tuple[int, int, int, int, int, str]:
    return r.y, r.x1, r.z1, r.x2, r.z2, r.block


def _largest_part(rectangle: Rectangle, cells: int) -> Rectangle | None:
    """The largest rectangle of at most ``cells`` cells that shares the low corner; the widest if several."""
    width, depth = rectangle.x2 - rectangle.x1 + 1, rectangle.z2 - rectangle.z1 + 1
    shapes = [(w, min(depth, cells // w)) for w in range(min(width, cells), 0, -1)]
    if not shapes:
        return None
    w, d = max(shapes, key=lambda shape: shape[0] * shape[1])
    return replace(rectangle, x2=rectangle.x1 + w - 1, z2=rectangle.z1 + d - 1)


def _accepted(review: Review) -> list[str]:
    entries = (f"- {command}" for command in review.commands)
    return ["Accepted commands from your previous turn:", *listed(entries)]


def _rectangle_line(r: Rectangle) -> str:
    return f"y={r.y}: ({r.x1}, {r.z1}, {r.x2}, {r.z2} {r.block})"


def _top_down(cells: Iterable[tuple[Point, str]]) -> list[tuple[Point, str]]:
    return sorted(cells, key=lambda entry: (-entry[0][1], entry[0][0], entry[0][2]))


def listed(entries: Iterable[str]) -> list[str]:
    """The entries, or a line that says that there are none."""
    return list(entries) or ["(none)"]
