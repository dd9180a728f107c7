"""What a simulated update is made of, in seconds: the counts and rates of ``collm estimate``."""

from __future__ import annotations

from dataclasses import dataclass

from collm.config.tree import RunConfig
from collm.report.rates import Rates
from collm.report.timing import architecture_of, drawing_seconds, of_lengths, seconds
from collm.report.work import work_of


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of parts of an update.

    Attributes:
        reading: of the prompts of a full batch of an engine.
        token: of a step that draws one token for each row of a full batch.
        agent: one agent's passes and optimizer steps.
        critics: those of all critics.
    """

    reading: float
    token: float
    agent: float
    critics: float


def costs_of(config: RunConfig, rates: Rates, rows: int, prompt: int, reply: int) -> Costs:
    """Costs of a recipe whose agents are alike and whose engines draw ``rows`` replies at a time.

    A turn costs what turns do on average, though later ones have longer histories.

    Args:
        prompt, reply: mean tokens.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    agent = next(iter(config.agents.values()))
    text, work, turns = architecture_of(agent, "agents.*.model"), work_of(config), config.env.num_turns

    def drawing(length: int) -> float:
        bounded = next(iter(of_lengths(config, prompt, length).agents.values()))
        return drawing_seconds(bounded, text, [rows] * turns, work, rates) / turns

    short = drawing(1)
    token = (drawing(reply) - short) / (reply - 1)
    roles = seconds(of_lengths(config, prompt, reply), rates)
    learners = [one.learning + one.stepping for one in roles if one.role.startswith("agent")]
    critics = sum(one.total for one in roles if one.role.startswith("critic"))
    return Costs(short - token, token, max(learners), critics)
