"""How much a recipe does at once: samples, rows, siblings."""

from __future__ import annotations

import math

from collm.algorithms.base import Branching
from collm.config.tree import RunConfig
from collm.report.estimate import Work

_MOST = 10**15


def samples_of_turns(num_agents: int, branching: Branching, num_turns: int) -> list[int]:
    """Samples that one agent draws in a tree at each turn, if no branch ends early.

    With ``align`` their sum over agents is ``N_call(n, K, H) = n K (K^H - 1) / (K - 1)`` of Proposition
    3.2; with ``cross`` every history branches into ``K^n``.
    """
    num_samples = branching.num_samples
    branches = num_samples if branching.joint_mode == "align" else num_samples**num_agents
    return [num_samples * branches**turn for turn in range(num_turns)]


def trees_of(config: RunConfig) -> int:
    """Trees that an update grows."""
    return config.training.tasks_per_update * config.training.episodes_per_task


def work_of(config: RunConfig) -> Work:
    """What one agent does in an update at most."""
    algorithm, turns, trees = config.algorithm, config.env.num_turns, trees_of(config)
    drawn = samples_of_turns(len(config.agents), algorithm.branching, turns)
    rows = min(trees * drawn[-1], _MOST)
    return Work(
        rows=rows,
        kept=min(trees * drawn[-2], _MOST) if turns > 1 else 0,
        siblings=algorithm.branching.num_samples,
        episodes=int(min(algorithm.minibatch_size or math.inf, rows)),
        turns=turns,
        reference=algorithm.needs_reference,
        ahead=config.training.collect_ahead,
    )
