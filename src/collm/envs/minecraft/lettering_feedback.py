"""What an agent of StrBuild hears after a turn: its three feedback modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collm.envs.minecraft.blueprint import AIR
from collm.envs.minecraft.feedback import COMMANDS_ONLY, listed
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.lettering_prompts import FORMAT
from collm.envs.minecraft.lettering_readings import LetteringReading
from collm.envs.minecraft.lettering_score import palette_of
from collm.envs.minecraft.prompts import blocks_text
from collm.envs.minecraft.world import World


@dataclass(frozen=True, slots=True)
class LetteringReview:
    """What is known about the turn before, from the side of one agent.

    Attributes:
        index: the agent's place in the team, from 0.
        turn: the number of the turn to come, from 1.
        previous_reward: what the turn before earned, before scale and shift.
        world: the joint build of the turn before.
        max_commands: how many of the agent's commands count.
    """

    task: Lettering
    reading: LetteringReading
    index: int
    num_agents: int
    turn: int
    previous_reward: float
    world: World
    max_commands: int


def score_feedback(review: LetteringReview) -> list[str]:
    """The previous reward and nothing else."""
    return [
        "Score feedback:",
        f"- Turn: {review.turn}",
        f"- Previous reward: {review.previous_reward:.4f}",
    ]


def position_feedback(review: LetteringReview) -> list[str]:
    """All cells of the letters, to choose a share from; independent of what was built."""
    cells = review.task.cells
    return [
        "Position feedback (subset selection):",
        f"- Turn: {review.turn}",
        "- Coordinates are absolute.",
        COMMANDS_ONLY,
        review.reading.framing.share_line(len(cells), review.num_agents),
        "- Avoid pairs of positions that are 4-connected neighbors.",
        f"- Max commands allowed: {review.max_commands}",
        "All letter positions:",
        *(f"- ({x}, {y}, {z})" for x, y, z in cells),
        blocks_text((*palette_of(review.index), AIR)),
        FORMAT,
    ]


def perfect_feedback(review: LetteringReview) -> list[str]:
    """The agent's own cells that do not hold the block expected there, and to the last agent the extras."""
    expected = review.reading.plan(review.task, review.num_agents)
    wrong = [
        f"- ({x}, {y}, {z})" + (f" = {block}" if review.reading.names_blocks else "")
        for (x, y, z), (owner, block) in expected.items()
        if owner == review.index and review.world.get((x, y, z)) != block
    ]
    lines = [
        "Feedback (coordinate edits):",
        f"- Turn: {review.turn}",
        "- Coordinates are absolute.",
        COMMANDS_ONLY,
        "Set your correct texture at:",
        *listed(wrong),
    ]
    if review.index == review.num_agents - 1:
        extra = sorted(review.world.keys() - set(review.task.cells), key=lambda cell: (-cell[1], cell[0]))
        lines.append("Remove extra blocks (set air) at:")
        lines.extend(listed(f"- ({x}, {y}, {z})" for x, y, z in extra))
    return lines


MODES: dict[str, Callable[[LetteringReview], list[str]]] = {
    mode.__name__: mode for mode in (position_feedback, perfect_feedback, score_feedback)
}
