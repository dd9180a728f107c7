"""The first observation of a HouseBuild episode, in the wording of a reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from collm.envs.minecraft.blueprint import Blueprint, Point, Rectangle
from collm.envs.minecraft.house_readings import HouseReading
from collm.envs.minecraft.spiders import Spiders


def first_prompt(
    blueprint: Blueprint,
    agent: int,
    num_agents: int,
    reading: HouseReading,
    spiders: Spiders,
    limits: Mapping[str, int] | None,
    include_air: bool,
) -> str:
    """The task as agent number ``agent`` (from 1) reads it."""
    sections = [
        _task(reading.framing.role(agent, num_agents)),
        blocks_text(blueprint.blocks),
        _layers(blueprint, reading, include_air),
        bbox_text(blueprint.origin, blueprint.end),
        _threat(spiders, reading.attack),
        "Constraints:\n"
        "- Output ONLY Minecraft commands, one per line.\n"
        "- Allowed commands: /fill and /kill\n"
        "- Fill format: /fill x1 y1 z1 x2 y2 z2 block\n"
        "- Use absolute integer coordinates only (no ~).\n"
        "- Use ONLY blocks from the legend.\n"
        "- Every coordinate must be within the bbox.",
        "" if limits is None else limits_text(limits),
    ]
    return "\n\n".join(section for section in sections if section)


def limits_text(limits: Mapping[str, int]) -> str:
    """The resource limits as a list."""
    return "Resource limits per agent (air unlimited):\n" + "\n".join(
        f"- {block}: {limit}" for block, limit in limits.items()
    )


def layer_lines(blueprint: Blueprint, reading: HouseReading, include_air: bool) -> list[str]:
    """One line for each layer, from the lowest up: its rectangles with full coordinates."""
    layers: dict[int, list[Rectangle]] = {y: [] for y in range(blueprint.origin[1], blueprint.end[1] + 1)}
    for rectangle in blueprint.rectangles(include_air):
        layers[rectangle.y].append(rectangle)
    if reading.left_to_right:
        layers = {y: sorted(layer, key=lambda r: (r.z2, r.x1)) for y, layer in layers.items()}
    return [
        (f"y={y}: " if reading.named_heights else "") + "{" + ", ".join(map(_entry, layer)) + "}"
        for y, layer in layers.items()
    ]


def blocks_text(blocks: Iterable[str]) -> str:
    """The blocks that an agent may use as a list."""
    return "Available blocks (use ONLY these):\n" + "\n".join(f"- {block}" for block in blocks)


def bbox_text(low: Point, high: Point) -> str:
    """The box that commands must stay in."""
    return f"WORLD bbox (inclusive):\n- from: {_compact(low)}\n- to:   {_compact(high)}"


def _task(role: str) -> str:
    task = "Build the 3D structure from the provided y-axis slices."
    return f"{role}\n\nTask: {task}" if role else task


def _layers(blueprint: Blueprint, reading: HouseReading, include_air: bool) -> str:
    head = f"Layers (ascending WORLD y). Each layer is a set of rectangles in WORLD {reading.plane} coords:"
    lines = layer_lines(blueprint, reading, include_air)
    return "\n".join([head, f"- Format: {reading.layer_format}", *lines])


def _entry(r: Rectangle) -> str:
    return f"({r.x1}, {r.y}, {r.z1}, {r.x2}, {r.y}, {r.z2} {r.block})"


def _threat(spiders: Spiders, attack: str) -> str:
    if spiders.count == 0:
        return ""
    return (
        f"Threat check: There are {spiders.count} spiders nearby; you have {spiders.player_hp:g} HP. "
        f"Spider attack list: {spiders.attacks}, total damage dmg={spiders.damage}. "
        f"If you want to kill them, {attack.format(attack=spiders.player_attack)} "
        "All other commands should be normal building commands."
    )


def _compact(point: Sequence[int]) -> str:
    return json.dumps(list(point), separators=(",", ":"))
