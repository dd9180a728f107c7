"""Simulated against measured updates of one process on a CPU: random models of several sizes, 1 to 4 agents.

``python -m benchmarks.simulation.validation`` writes ``simulation_validation.json`` and its figure. Seconds
are the processor's own in one thread. All agents of a process ask one engine, and learn one after another.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from transformers.utils import logging

from benchmarks.cases import Size, save_models, team_of
from benchmarks.outcome import arguments, leave
from benchmarks.simulation.costs import costs_of
from benchmarks.simulation.events import Outcome, Plan, simulate
from benchmarks.team_size import timed
from collm.config.tree import RunConfig, make_config
from collm.report.measuring import measured_rates
from collm.report.rates import Rates
from collm.rollout import Reset, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Tree

PROMPT, REPLY = 96, 32
PHASES = ("sampling", "learning")
Row = Mapping[str, Any]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 192, 384])
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    rates = measured_rates(torch.device("cpu"), "float32", time.process_time)
    rows = []
    for width in options.widths:
        with tempfile.TemporaryDirectory() as name:
            save_models(Path(name), Size(width=width))
            for agents in options.agents:
                config = recipe(Path(name), agents, options.episodes)
                rows.append({"width": width, "agents": agents, **held(config, rates, options.rounds)})
                print(rows[-1], flush=True)
    leave("simulation_validation", rows, drawn(rows), options)
    print(errors(rows), errors(fitted(rows)), rates)


def recipe(folder: Path, agents: int, episodes: int) -> RunConfig:
    """So many agents with weights of their own and one critic, for one turn."""
    members = [f"agent_{number}" for number in range(agents)]
    agent = {"model": str(folder / "first"), "context": 4 * PROMPT, "sampling": {"max_tokens": REPLY}}
    env = {"type": "benchmarks.cases:Texts", "prompt_tokens": PROMPT, "feedback_tokens": 8, "num_turns": 1}
    critic = {"model": str(folder / "first"), "context": 2048, "global_information": False}
    return make_config(
        {
            "env": {**env, "prompts": episodes, "members": members},
            "algorithm": {"type": "collm_cc", "minibatch_size": None},
            "agents": dict.fromkeys(members, agent),
            "critic": critic,
            "training": {"tasks_per_update": episodes},
        },
        "validation",
    )


def held(config: RunConfig, rates: Rates, rounds: int) -> dict[str, float]:
    """Median seconds of updates, one before them not counted, and what the simulation says of them."""
    team = team_of(config)
    resets = [Reset(task, number) for number, task in enumerate(config.env.tasks("train"))]
    times, trees = list[tuple[float, float]](), list[Tree]()
    for number in range(rounds + 1):
        found, drawing = timed(lambda: rollout(config.env, team.policies, resets))
        progress = Progress(0, number, rounds + 1)
        _, learning = timed(lambda: learn(config.algorithm, team.agents, team.critics, found.trees, progress))  # noqa: B023
        times.append((drawing, learning))
        trees += found.trees
    sampling, learning = (statistics.median(one) for one in zip(*times[1:], strict=True))
    lengths = [
        len(action.token_ids) for tree in trees for t in tree.turns for action in t.joint_action.values()
    ]
    predicted = predict(config, rates, lengths, len(resets))
    return {
        "measured sampling": sampling,
        "measured learning": learning,
        "predicted sampling": predicted.ends[0] - predicted.learner_seconds,
        "predicted learning": predicted.learner_seconds,
        "mean tokens": statistics.fmean(lengths),
    }


def predict(config: RunConfig, rates: Rates, lengths: Sequence[int], episodes: int) -> Outcome:
    """One simulated update, of replies as long as those that were drawn."""
    mean, agents = statistics.fmean(lengths), len(config.agents)
    costs = costs_of(config, rates, episodes, PROMPT, round(mean))
    plan = Plan(
        agents=agents,
        episodes=episodes,
        mean_tokens=mean,
        spread=statistics.pstdev([math.log(one) for one in lengths]),
        most_tokens=REPLY,
        reading=costs.reading,
        token=costs.token,
        slots=episodes,
        learning=agents * costs.agent + costs.critics,
    )
    return simulate(plan, 1)


def fitted(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Predictions times a factor a phase: the median of measured over predicted of all *other* rows."""
    return [_scaled(row, [other for other in rows if other is not row]) for row in rows]


def _scaled(row: Row, others: Sequence[Row]) -> dict[str, Any]:
    scaled = dict(row)
    for phase in PHASES:
        ratios = [one[f"measured {phase}"] / one[f"predicted {phase}"] for one in others]
        scaled[f"predicted {phase}"] = row[f"predicted {phase}"] * statistics.median(ratios)
    return scaled


def errors(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Of each phase, the median and the largest factor between measured and predicted, either way."""
    return {phase: _errors(rows, phase) for phase in PHASES}


def _errors(rows: Sequence[Row], phase: str) -> dict[str, float]:
    off = [math.exp(abs(math.log(row[f"measured {phase}"] / row[f"predicted {phase}"]))) for row in rows]
    return {"median": statistics.median(off), "largest": max(off)}


def drawn(rows: Sequence[Row]) -> Figure:
    """Predicted against measured seconds, without any fit."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    ends = [value for row in rows for key, value in row.items() if key.startswith(("measured", "predicted"))]
    axes.loglog([min(ends), max(ends)], [min(ends), max(ends)], color="grey", linewidth=0.8)
    for phase, marker in zip(PHASES, "os", strict=True):
        points = _points(rows, phase)
        axes.loglog(*points, linestyle="", marker=marker, label=phase)
    axes.set_xlabel("measured processor seconds")
    axes.set_ylabel("predicted from counted work")
    axes.legend()
    return figure


def _points(rows: Sequence[Row], phase: str) -> tuple[list[float], list[float]]:
    return [row[f"measured {phase}"] for row in rows], [row[f"predicted {phase}"] for row in rows]


if __name__ == "__main__":
    main()
