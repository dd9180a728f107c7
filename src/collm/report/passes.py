"""How long the passes of learning take: counted for one row, times the tokens of all."""

from __future__ import annotations

import math
from dataclasses import replace

from collm.agents.config import AgentConfig
from collm.config.tree import RunConfig
from collm.models.config import ModelConfig
from collm.report.alternatives import row_tokens
from collm.report.counting import Pass, counted
from collm.report.estimate import Work, shape_of
from collm.report.rates import Rates
from collm.report.tokens import Grown
from collm.report.work import samples_of_turns


def learning_seconds(
    config: RunConfig, model: ModelConfig, text: str, work: Work, actions: float, steps: int, rates: Rates
) -> float:
    """All passes of an update's steps on so many actions each, as if each row were passed by itself.

    Args:
        model, text: who learns, and its architecture as JSON.
        work: what it does in an update; its alternatives among it.
    """
    tokens, longest = _tokens(config, model, work, actions), row_tokens(model, work.beside)
    shape, several = shape_of(model, text, work)
    width = max(2, int(min(longest, tokens)))
    replies = max(1, shape.replies * width // (shape.rows * shape.width)) if shape.replies else 0
    row = counted(replace(shape, rows=1, width=width, replies=replies))
    microbatches = math.ceil(tokens / max(model.batch_tokens, longest))

    def of_all(one: Pass) -> float:
        return rates.seconds(tokens / width * one.working(rates), microbatches * one.calls)

    forward, both = of_all(row.forward), of_all(row.learning)
    if isinstance(model, AgentConfig):
        again = forward * (steps - 1) if model.dtype != "float32" else 0
        return steps * (both + (forward if work.reference else 0)) + again
    return steps * (both + (forward if several else 0))  # predictions keep their graph if they can


def _tokens(config: RunConfig, model: ModelConfig, work: Work, actions: float) -> float:
    """What one step reads."""
    turns = config.env.num_turns
    drawn = samples_of_turns(len(config.agents), config.algorithm.branching, turns)
    fresh = model.context / turns
    if isinstance(model, AgentConfig) and model.history == "turn":
        tree = Grown([sum(drawn)], work.siblings, model.context, model.sampling.max_tokens)
    elif isinstance(model, AgentConfig):
        tree = Grown(drawn, work.siblings, fresh, model.sampling.max_tokens)
    else:
        tree = Grown(drawn, work.siblings, fresh, beyond=1)
        actions = actions if config.algorithm.sees_next_alone else max(actions, tree.size)
    return tree.tokens_of(actions) + actions / sum(drawn) * drawn[-1] * work.beside
