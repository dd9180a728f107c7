"""Seconds of an update over agents, parameters and cards, synchronous and with weights that may lag.

``python -m benchmarks.simulation`` prints a table and writes ``simulation.json`` and ``simulation.png``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.outcome import arguments, leave
from benchmarks.simulation.cluster import ORDERS, Order, placed, sampling_seconds
from benchmarks.simulation.events import simulate
from benchmarks.simulation.figure import drawn

MODELS = ("Qwen/Qwen3-1.7B", "Qwen/Qwen2.5-7B-Instruct")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--agents", type=int, nargs="+", default=[2, 8, 64])
    parser.add_argument("--cards", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64], help="of each agent")
    parser.add_argument("--updates", type=int, default=8)
    options = parser.parse_args()
    rows = [
        row(model, agents, cards, order, options.updates)
        for model in options.models
        for agents in options.agents
        for cards in options.cards
        for order in ORDERS
    ]
    leave("simulation", rows, drawn(rows), options)


def row(model: str, agents: int, cards: int, order: Order, updates: int) -> dict[str, Any]:
    """What an update takes, and of what it consists were every worker always busy."""
    found = placed(model, agents, cards, order)
    plan, outcome = found.plan, simulate(found.plan, updates)
    stages = {
        "sampling": sampling_seconds(plan),
        "grading": plan.episodes * plan.turns * plan.grading / plan.graders,
        "learning": plan.learning,
        "sync": plan.sync,
    }
    return {
        "model": model.rpartition("/")[2],
        "agents": agents,
        "cards an agent": cards,
        "order": order.name,
        "engines": found.engines,
        "learners": found.learners,
        "cards": found.cards,
        "update s": outcome.update,
        **stages,
        "mean staleness": outcome.staleness,
        "longest": max(stages, key=lambda name: stages[name]),
    }


if __name__ == "__main__":
    main()
