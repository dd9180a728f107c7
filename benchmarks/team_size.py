"""What a turn costs as a team grows: 2 to 64 adapters on one tiny base, with one critic.

``python -m benchmarks.team_size --out FOLDER`` writes ``team_size.json`` and ``team_size.png``. Seconds are
those of the processor in one thread, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from matplotlib.figure import Figure

from collm.agents.critic import Critic
from collm.agents.team import load_team
from collm.agents.views import critic_input
from collm.base.quiet import quiet_libraries
from collm.config.tree import RunConfig, make_config
from collm.contract.held import hold
from collm.rollout import Reset, rollout
from collm.training.learning import learn
from collm.training.minibatches import Progress

SIZES = (2, 4, 8, 16, 32, 64)
REPLY, CONTEXT = 16, 2048
CRITIC = {"model": "collm:tiny_team/critic"}
ResultT = TypeVar("ResultT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments = parser.parse_args()
    quiet_libraries()
    torch.set_num_threads(1)
    measured(2)  # what is loaded once is not counted
    rows = []
    for size in arguments.sizes:
        rows.append(measured(size))
        print(json.dumps(rows[-1]), flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = {"rows": rows, "slopes": slopes(rows)}
    (arguments.out / "team_size.json").write_text(json.dumps(found, indent=2) + "\n")
    drawn(rows).savefig(arguments.out / "team_size.png", dpi=150)
    print(json.dumps(found["slopes"]))


def recipe(size: int) -> RunConfig:
    """A team of so many builders, each an adapter on the same weights."""
    agent = {"model": "collm:tiny_team/player_1", "device": "cpu", "context": CONTEXT, "adapter": {"r": 4}}
    values: dict[str, Any] = {
        "env": {"type": "housebuild", "num_agents": size, "num_turns": 1},
        "algorithm": {"type": "collm_cc"},
        "agents": {"*": {**agent, "sampling": {"max_tokens": REPLY}}},
        "critic": {**CRITIC, "device": "cpu", "context": CONTEXT, "reads": "recent"},
    }
    return make_config(values, f"{size} agents")


def measured(size: int) -> dict[str, float]:
    """Seconds and tokens of one turn and of the step that learns from it."""
    config = recipe(size)
    env = hold(config.env)
    views = config.algorithm.critics(env.agents)
    team = load_team(config.agents, config.critic, views, seed=config.seed)
    reset = Reset(env.tasks("train")[0], 1)
    grown, sampling = timed(lambda: rollout(env, team.policies, [reset, reset]))
    (name,) = views
    critic = team.critics[name]
    assert isinstance(critic, Critic)
    read = [critic_input(tree, views[name]) for tree in grown.trees]
    tokens = [len(critic.tokenizer(one.text).input_ids) for one in read[0].passages]
    _, predicting = timed(lambda: critic.predict(read))
    progress = Progress(config.seed, 0, 1)
    _, learning = timed(lambda: learn(config.algorithm, team.agents, team.critics, grown.sound, progress))
    trained = sum(p.numel() for agent in team.agents.values() for p in agent.learner.weights.parameters())
    return {
        "agents": size,
        "sampling_seconds": sampling,
        "learning_seconds": learning,
        "critic_seconds": predicting,
        "critic_tokens": sum(tokens),
        "drawn_tokens": sum(grown.tokens.values()),
        "trained_parameters": trained,
    }


def timed(work: Callable[[], ResultT]) -> tuple[ResultT, float]:
    """A result, and the processor's seconds that it took."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def slopes(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """How each cost grows: the slope of its logarithm by that of the number of agents; 1 is linear."""
    sizes = [math.log(row["agents"]) for row in rows]
    costs = [key for key in rows[0] if key.endswith(("seconds", "tokens", "parameters"))]
    return {key: round(_slope(sizes, [math.log(row[key]) for row in rows]), 3) for key in costs}


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((one - x) * (other - y) for one, other in zip(xs, ys, strict=True))
    return above / sum((one - x) ** 2 for one in xs)


def drawn(rows: Sequence[dict[str, float]]) -> Figure:
    """Seconds by the number of agents, with a line that is linear in it."""
    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.subplots()
    sizes = [row["agents"] for row in rows]
    for key in ("sampling_seconds", "learning_seconds", "critic_seconds"):
        axes.loglog(sizes, [row[key] for row in rows], marker="o", label=key.removesuffix("_seconds"))
    first = rows[0]["sampling_seconds"] / sizes[0]
    axes.loglog(sizes, [first * size for size in sizes], color="grey", linestyle=":", label="linear")
    axes.set_xlabel("agents")
    axes.set_ylabel("processor seconds, one turn of two episodes")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
