"""Reads ``/setblock`` commands, the only ones of StrBuild."""

from __future__ import annotations

from collm.envs.minecraft.commands import Fill, Rules, block_allowed, command_lines, point_inside


def parse_placements(text: str, rules: Rules) -> tuple[Fill, ...]:
    """The accepted ``/setblock x y z block`` lines of a reply, in order, as fills of one cell.

    Lines are cleaned as for HouseBuild; what follows the block is ignored. Of the rules, the box, the
    blocks and the number of commands apply.
    """
    accepted: list[Fill] = []
    for line in command_lines(text):
        if len(accepted) >= rules.max_commands:
            break
        placement = _parse_line(line, rules)
        if placement is not None:
            accepted.append(placement)
    return tuple(accepted)


def _parse_line(line: str, rules: Rules) -> Fill | None:
    tokens = line.removeprefix("/").split()
    if len(tokens) < 5 or tokens[0].lower() != "setblock":
        return None
    point, block = point_inside(tokens[1:4], rules), block_allowed(tokens[4], rules)
    return Fill(point, point, block) if point and block else None
