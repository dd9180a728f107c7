"""What the paper's and its reference code's readings of HouseBuild decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collm.envs.minecraft.framing import FRAMINGS, Framing, Variant


@dataclass(frozen=True, slots=True)
class HouseReading:
    """One reading of HouseBuild.

    Attributes:
        framing: how it speaks to players.
        penalty_weight: weight of the spiders' damage.
        attack: how the prompt says to attack; ``{attack}`` stands for the player's attack value.
        damage_attacks: whether ``/damage`` at a spider counts as an attack, beside ``/kill``.
        spares_single_agent: whether spiders leave a single agent's reward alone.
        plane, layer_format: how the prompt names the coordinates and the form of a layer.
        named_heights: whether a layer's line begins with its height.
        left_to_right: whether rectangles of a layer that end in the same row are listed from left to
            right; otherwise the one that began first comes first.
        names_extras: whether ``perfect_feedback`` lists what to remove apart from what to set.
        even_bands: whether ``rect_modification`` shares the layers out evenly; otherwise the first agent
            gets those up to y = 2 and the others those from there on.
        counts_suggestions: whether ``resource_schedule`` takes the whole rectangles that it suggests off
            the resources that it says are left.
    """

    framing: Framing
    penalty_weight: float
    attack: str
    damage_attacks: bool
    spares_single_agent: bool
    plane: str
    layer_format: str
    named_heights: bool
    left_to_right: bool
    names_extras: bool
    even_bands: bool
    counts_suggestions: bool


HOUSE_READINGS: Mapping[Variant, HouseReading] = {
    "paper": HouseReading(
        framing=FRAMINGS["paper"],
        penalty_weight=0.2,
        attack="output the attack command: /damage @e[type=spider,limit=1] {attack} minecraft:player attack.",
        damage_attacks=True,
        spares_single_agent=False,
        plane="(x, z)",
        layer_format="{(x1, y1, z1, x2, y2, z2 block_id), (x1, y1, z1, x2, y2, z2 block_id)}",
        named_heights=False,
        left_to_right=False,
        names_extras=True,
        even_bands=True,
        counts_suggestions=False,
    ),
    "reference": HouseReading(
        framing=FRAMINGS["reference"],
        penalty_weight=0.1,
        attack="output exactly one line: /kill.",
        damage_attacks=False,
        spares_single_agent=True,
        plane="(x,z)",
        layer_format="y=ABS_Y: "
        "{(x1, ABS_Y, z1, x2, ABS_Y, z2 block_id), (x1, ABS_Y, z1, x2, ABS_Y, z2 block_id)}",
        named_heights=True,
        left_to_right=True,
        names_extras=False,
        even_bands=False,
        counts_suggestions=True,
    ),
}
