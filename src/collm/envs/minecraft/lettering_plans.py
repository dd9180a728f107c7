"""Who is to set which block of a lettering: the plans that perfect feedback leads to."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.lettering_score import PALETTES, palette_of

Plan = Mapping[Point, tuple[int, str]]
"""For each cell of the letters the index of the agent who owns it, and the block expected there."""


def reference_plan(task: Lettering, num_agents: int) -> Plan:
    """Owner and place in the palette both by the parity of x + y, as in the reference.

    With two agents the parities fall together, so each ever sees one of its two blocks, and a build
    that obeys is worth no more than 1.5. Cells with a common side differ in parity, so the
    reference's search for a color that no neighbor has never gets past the first one.
    """
    plan: dict[Point, tuple[int, str]] = {}
    for x, y, z in task.cells:
        owner = (x + y) % num_agents
        palette = palette_of(owner)
        plan[x, y, z] = owner, palette[(x + y) % len(palette)]
    return plan


def paper_plan(task: Lettering, num_agents: int) -> Plan:
    """All blocks of the team in turn along the diagonals, so that a build that obeys is worth 2.

    Agents with the same palette take its cells by turns.
    """
    kinds = min(num_agents, len(PALETTES))
    owners = [cycle(range(kind, num_agents, len(PALETTES))) for kind in range(kinds)]
    plan: dict[Point, tuple[int, str]] = {}
    for x, y, z in task.cells:
        step, kind = divmod(x + y, kinds)
        palette = PALETTES[kind]
        plan[x, y, z] = next(owners[kind]), palette[step % len(palette)]
    return plan
