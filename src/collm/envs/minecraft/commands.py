"""Reads Minecraft commands out of a reply. Whatever does not fit is dropped silently and costs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collm.envs.minecraft.blueprint import AIR, Point

_LIST_MARKER = re.compile(r"^\s*(?:[-*]+|\d+[.)])\s*")
_LANGUAGE_TAG = re.compile(r"^[\w+-]+$")
_SPIDER_SELECTOR = re.compile(r"^@e\[(?:.*,)?type=(?:minecraft:)?spider[,\]]")


@dataclass(frozen=True, slots=True)
class Fill:
    """``/fill``: set every cell of a box, corners inclusive and in any order."""

    first: Point
    second: Point
    block: str

    @property
    def low(self) -> Point:
        (a, b, c), (d, e, f) = self.first, self.second
        return min(a, d), min(b, e), min(c, f)

    @property
    def high(self) -> Point:
        (a, b, c), (d, e, f) = self.first, self.second
        return max(a, d), max(b, e), max(c, f)

    @property
    def volume(self) -> int:
        (a, b, c), (d, e, f) = self.first, self.second
        return (abs(d - a) + 1) * (abs(e - b) + 1) * (abs(f - c) + 1)

    def __str__(self) -> str:
        return f"/fill {' '.join(map(str, (*self.first, *self.second)))} {self.block}"


@dataclass(frozen=True, slots=True)
class Attack:
    """A command that drives the spiders away."""

    text: str

    def __str__(self) -> str:
        return f"/{self.text}"


Command = Fill | Attack


@dataclass(frozen=True, slots=True)
class Rules:
    """What one agent may command.

    Attributes:
        low, high: the box that both corners of a fill must lie in, inclusive.
        blocks: the blocks the agent may place; air always may.
        limits: how many cells of a block its fills may cover in all; a missing block is unlimited.
        max_commands: how many commands count.
        damage_attacks: whether ``/damage @e[type=spider,...]`` counts as an attack too.
    """

    low: Point
    high: Point
    blocks: tuple[str, ...]
    limits: Mapping[str, int]
    max_commands: int
    damage_attacks: bool


def command_lines(text: str) -> Iterator[str]:
    """The lines of a reply that may be commands: inside the first code fence, without list markers."""
    parts = text.split("```")
    lines = (parts[1] if len(parts) >= 3 else text).splitlines()
    if len(parts) >= 3 and lines and _LANGUAGE_TAG.match(lines[0].strip()):
        lines = lines[1:]
    for line in lines:
        cleaned = _LIST_MARKER.sub("", line.strip(), count=1).strip()
        if cleaned:
            yield cleaned


def parse_commands(text: str, rules: Rules) -> tuple[Command, ...]:
    """The accepted commands of a reply, in order.

    A fill that would exceed a limit is dropped whole; every accepted fill counts in full, even where
    it overwrites.
    """
    accepted: list[Command] = []
    used: dict[str, int] = {}
    for line in command_lines(text):
        if len(accepted) >= rules.max_commands:
            break
        command = _parse_line(line, rules)
        if isinstance(command, Fill) and command.block in rules.limits:
            total = used.get(command.block, 0) + command.volume
            if total > rules.limits[command.block]:
                continue
            used[command.block] = total
        if command is not None:
            accepted.append(command)
    return tuple(accepted)


def _parse_line(line: str, rules: Rules) -> Command | None:
    tokens = line.removeprefix("/").split()
    if not tokens:
        return None
    name = tokens[0].lower()
    if name == "kill" or (rules.damage_attacks and name == "damage" and _aims_at_spider(tokens)):
        return Attack(" ".join([name, *tokens[1:]]))
    return _parse_fill(tokens, rules) if name == "fill" else None


def _aims_at_spider(tokens: list[str]) -> bool:
    return len(tokens) > 1 and _SPIDER_SELECTOR.match(tokens[1]) is not None


def _parse_fill(tokens: list[str], rules: Rules) -> Fill | None:
    if len(tokens) != 8:
        return None
    first, second = point_inside(tokens[1:4], rules), point_inside(tokens[4:7], rules)
    block = block_allowed(tokens[7], rules)
    return Fill(first, second, block) if first and second and block else None


def point_inside(tokens: list[str], rules: Rules) -> Point | None:
    """Three absolute integer coordinates inside the box, else ``None``."""
    try:
        x, y, z = (int(token) for token in tokens)
    except ValueError:
        return None
    (x1, y1, z1), (x2, y2, z2) = rules.low, rules.high
    return (x, y, z) if x1 <= x <= x2 and y1 <= y <= y2 and z1 <= z <= z2 else None


def block_allowed(token: str, rules: Rules) -> str | None:
    """A block's plain name if the agent may place it, else ``None``."""
    block = token.removeprefix("minecraft:")
    return block if block == AIR or block in rules.blocks else None
