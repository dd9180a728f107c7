"""The first observation of a HouseBuild episode, in the wording of the paper or of its reference code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from collm.envs.minecraft.blueprint import Blueprint, Point, Rectangle
from collm.envs.minecraft.spiders import Spiders

Variant = Literal["paper", "reference"]

SYSTEM = (
    "You are a Minecraft building agent.\n"
    "Output must be Minecraft commands only (no markdown, no code fences, no extra text).\n"
    "This is strict: any non-command text is invalid."
)

_REFERENCE_ATTACK = "output exactly one line: /kill."
_PAPER_ATTACK = "output the attack command: /damage @e[type=spider,limit=1] {attack} minecraft:player attack."


def first_prompt(
    blueprint: Blueprint,
    agent: int,
    num_agents: int,
    variant: Variant,
    spiders: Spiders,
    limits: Mapping[str, int] | None,
    include_air: bool,
) -> str:
    """The task as agent number ``agent`` (from 1) reads it."""
    sections = [
        _task(agent, num_agents, variant),
        blocks_text(blueprint.blocks),
        _layers(blueprint, variant, include_air),
        bbox_text(blueprint.origin, blueprint.end),
        _threat(spiders, variant),
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


def layer_lines(rectangles: Iterable[Rectangle], named_heights: bool = True) -> list[str]:
    """One line for each layer: its rectangles with full coordinates."""
    by_height: dict[int, list[str]] = {}
    for r in rectangles:
        entry = f"({r.x1}, {r.y}, {r.z1}, {r.x2}, {r.y}, {r.z2} {r.block})"
        by_height.setdefault(r.y, []).append(entry)
    return [
        (f"y={y}: " if named_heights else "") + "{" + ", ".join(entries) + "}"
        for y, entries in sorted(by_height.items())
    ]


def role(agent: int, num_agents: int, variant: Variant) -> str:
    """Who agent number ``agent`` is; a single agent of the reference is told nothing."""
    share = "You will place SOME of the blocks for the final build."
    if variant == "paper":
        return (
            f"You are Player {agent} in a {num_agents}-person Minecraft building team. {share} "
            "Output must be Minecraft commands only (no markdown, no code fences, no extra text)."
        )
    if num_agents == 1:
        return ""
    return f"You are Agent {agent} in a {num_agents}-person Minecraft building team. {share}"


def blocks_text(blocks: Iterable[str]) -> str:
    """The blocks that an agent may use as a list."""
    return "Available blocks (use ONLY these):\n" + "\n".join(f"- {block}" for block in blocks)


def bbox_text(low: Point, high: Point) -> str:
    """The box that commands must stay in."""
    return f"WORLD bbox (inclusive):\n- from: {_compact(low)}\n- to:   {_compact(high)}"


def _task(agent: int, num_agents: int, variant: Variant) -> str:
    task, who = "Build the 3D structure from the provided y-axis slices.", role(agent, num_agents, variant)
    return f"{who}\n\nTask: {task}" if who else task


def _layers(blueprint: Blueprint, variant: Variant, include_air: bool) -> str:
    if variant == "paper":
        form = "{(x1, y1, z1, x2, y2, z2 block_id), (x1, y1, z1, x2, y2, z2 block_id)}"
    else:
        form = "y=ABS_Y: {(x1, ABS_Y, z1, x2, ABS_Y, z2 block_id), (x1, ABS_Y, z1, x2, ABS_Y, z2 block_id)}"
    head = "Layers (ascending WORLD y). Each layer is a set of rectangles in WORLD "
    plane = "(x, z) coords:" if variant == "paper" else "(x,z) coords:"
    lines = layer_lines(blueprint.rectangles(include_air), named_heights=variant == "reference")
    return "\n".join([head + plane, f"- Format: {form}", *lines])


def _threat(spiders: Spiders, variant: Variant) -> str:
    if spiders.count == 0:
        return ""
    order = (
        _REFERENCE_ATTACK if variant == "reference" else _PAPER_ATTACK.format(attack=spiders.player_attack)
    )
    return (
        f"Threat check: There are {spiders.count} spiders nearby; you have {spiders.player_hp:g} HP. "
        f"Spider attack list: {spiders.attacks}, total damage dmg={spiders.damage}. "
        f"If you want to kill them, {order} "
        "All other commands should be normal building commands."
    )


def _compact(point: Sequence[int]) -> str:
    return json.dumps(list(point), separators=(",", ":"))
