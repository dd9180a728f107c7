"""What the two readings of StrBuild decide: that of the authors' code, and one that repairs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collm.envs.minecraft.framing import FRAMINGS, Framing, Variant
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.lettering_plans import Plan, paper_plan, reference_plan


@dataclass(frozen=True, slots=True)
class LetteringReading:
    """One reading of StrBuild.

    Attributes:
        framing: how it speaks to players.
        provide_graph: whether the first prompt shows the letters' cells.
        names_string: whether it names the string.
        plan: which agent is to set which block, for a task and a number of agents.
        names_blocks: whether ``perfect_feedback`` tells the blocks of the plan.
    """

    framing: Framing
    provide_graph: bool
    names_string: bool
    plan: Callable[[Lettering, int], Plan]
    names_blocks: bool


LETTERING_READINGS: Mapping[Variant, LetteringReading] = {
    "paper": LetteringReading(
        framing=FRAMINGS["paper"],
        provide_graph=True,
        names_string=True,
        plan=paper_plan,
        names_blocks=True,
    ),
    "reference": LetteringReading(
        framing=FRAMINGS["reference"],
        provide_graph=False,
        names_string=False,
        plan=reference_plan,
        names_blocks=False,
    ),
}
