"""Plans of teams on clusters: cards for engines and learners, and what they then take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.simulation.costs import Costs, costs_of
from benchmarks.simulation.events import Plan
from collm.config.tree import RunConfig, make_config
from collm.report.cluster import LINK
from collm.report.estimate import bytes_of, read_architecture
from collm.report.rates import card_rates
from collm.report.simulation import parameters

CARD, DTYPE = "H200", "bfloat16"
EPISODES, TURNS, PROMPT, REPLY = 128, 2, 300, 400
SPREAD, MOST = 0.7, 2048
ROWS = 64
"""Replies at most that one engine draws at a time."""
GRADING, GRADERS = 1.0, 32


@dataclass(frozen=True, slots=True)
class Order:
    """How an update is ordered.

    Attributes:
        shared: whether engines and learners take turns on the same cards.
        overlap, staleness: as in a plan.
    """

    name: str
    overlap: bool = True
    staleness: int = 0
    shared: bool = False


ORDERS = (
    Order("barriers", overlap=False),
    Order("same cards", shared=True),
    Order("staleness 0"),
    *(Order(f"staleness {lag}", staleness=lag) for lag in (1, 2, 4)),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A plan, and the cards of an agent that draw and that learn."""

    plan: Plan
    engines: int
    learners: int
    cards: int


def placed(model: str, agents: int, cards: int, order: Order) -> Placed:
    """The best split of so many cards of each agent; the critic has as many as one agent's learner.

    Raises:
        CollmError: if the model's architecture is not known.
    """
    splits = [(cards, cards)] if order.shared else [(cards - one, one) for one in range(1, cards)]
    found = [_placed(model, agents, engines, learners, order) for engines, learners in splits]
    return min(found, key=lambda one: shortest(one.plan))


def shortest(plan: Plan) -> float:
    """Seconds of an update of replies alike: a sum, or the longer half where weights lag."""
    drawing = max(sampling_seconds(plan), _reply(plan) * plan.turns / (plan.staleness + 1))
    learning = plan.learning + plan.sync
    return max(drawing, learning) if plan.staleness else drawing + learning


def sampling_seconds(plan: Plan) -> float:
    """Seconds of an update's replies on all slots, each of them always busy."""
    return plan.episodes * plan.turns * _reply(plan) * plan.agents / plan.pools / plan.slots


def _reply(plan: Plan) -> float:
    return plan.reading + plan.mean_tokens * plan.token


def _placed(model: str, agents: int, engines: int, learners: int, order: Order) -> Placed:
    in_flight = EPISODES * (order.staleness + 1)
    rows = max(1, min(ROWS, 2 ** math.ceil(math.log2(in_flight / engines))))
    costs, weights = costs_on_card(model, agents, rows), weights_of(model)
    gathering = 2 * weights / LINK if learners > 1 else 0.0
    plan = Plan(
        agents=agents,
        episodes=EPISODES,
        turns=TURNS,
        mean_tokens=REPLY,
        spread=SPREAD,
        most_tokens=MOST,
        reading=costs.reading,
        token=costs.token,
        slots=rows * engines,
        pools=agents,
        grading=GRADING,
        graders=GRADERS,
        learning=(costs.agent + costs.critics) / learners + gathering,
        sync=0.0 if order.shared else weights * math.ceil(engines / learners) / LINK,
        overlap=order.overlap,
        staleness=order.staleness,
    )
    return Placed(plan, engines, learners, agents * (engines + learners * (not order.shared)) + learners)


@cache
def costs_on_card(model: str, agents: int, rows: int) -> Costs:
    """Costs at a data sheet's rates."""
    return costs_of(recipe(model, agents), card_rates(CARD, DTYPE), rows, PROMPT, REPLY)


@cache
def weights_of(model: str) -> float:
    """Bytes of a model's weights."""
    text = read_architecture(model, "model").to_json_string(use_diff=False)
    return float(parameters(text)[0] * bytes_of(DTYPE))


@cache
def recipe(model: str, agents: int) -> RunConfig:
    """A team that writes, each agent and the critic with all weights of their own."""
    own: dict[str, Any] = {"model": model, "dtype": DTYPE, "context": 4096}
    agent = {**own, "sampling": {"max_tokens": MOST}, "batch_rows": ROWS}
    return make_config(
        {
            "env": {"type": "housebuild", "num_agents": agents, "num_turns": TURNS},
            "algorithm": {"type": "collm_cc", "minibatch_size": None},
            "agents": {"*": agent},
            "critic": {**own, "context": 8192, "reads": "recent"},
            "training": {"tasks_per_update": EPISODES},
        },
        "simulation",
    )
