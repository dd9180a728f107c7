"""How much a recipe does at once: samples, rows, siblings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from collm.algorithms.base import Algorithm, Branching, Probe
from collm.config.tree import RunConfig
from collm.report.estimate import Work

_MOST = 10**15


def samples_of_turns(num_agents: int, branching: Branching, num_turns: int) -> list[int]:
    """Samples that one agent draws in a tree at each turn, if no branch ends early.

    With ``align`` their sum over agents is ``N_call(n, K, H) = n K (K^H - 1) / (K - 1)`` of Proposition
    3.2; with ``cross`` every history branches into ``K^n``.
    """
    branches = _branches(num_agents, branching)
    return [branching.num_samples * branches**turn for turn in range(num_turns)]


def joint_actions(num_agents: int, branching: Branching, num_turns: int) -> int:
    """Joint actions of a tree, if no branch ends early."""
    branches = _branches(num_agents, branching)
    per_history = branches if branching.joint_mode == "cross" else branching.num_samples
    return sum(per_history * branches**turn for turn in range(num_turns))


def _branches(num_agents: int, branching: Branching) -> int:
    """Joint actions at a history."""
    num_samples = branching.num_samples
    return num_samples if branching.joint_mode == "align" else num_samples**num_agents


def probed_of_turns(
    algorithm: Algorithm, agents: Sequence[str], num_turns: int
) -> Mapping[str, Sequence[int]]:
    """Samples that each agent draws at each turn for the probes of a tree, if no branch ends early.

    A probe at a history draws one agent's actions or all agents'; if it goes on, all draw one at every
    later turn.
    """
    branches = _branches(len(agents), algorithm.branching)
    histories = [branches**turn for turn in range(num_turns)]
    probes = algorithm.most_probes(agents, branches)
    return {
        agent: [
            sum(_probed(one, agent, histories[: turn + 1]) for one in probes) for turn in range(num_turns)
        ]
        for agent in agents
    }


def _probed(probe: Probe, agent: str, histories: Sequence[int]) -> int:
    """An agent's samples at the last of some turns, for a probe at each of the histories of these turns."""
    *earlier, here = histories
    own = here if probe.agent in (None, agent) else 0
    return probe.samples * (own + (sum(earlier) if probe.onward else 0))


def probed_at_once(algorithm: Algorithm, agents: Sequence[str], num_turns: int) -> int:
    """Samples that one agent draws together for the probes of a tree at most: all begin at one time."""
    branches = _branches(len(agents), algorithm.branching)
    histories: list[int] = [branches**turn for turn in range(num_turns)]
    probes = algorithm.most_probes(agents, branches)
    own = max(sum(one.samples for one in probes if one.agent in (None, agent)) for agent in agents)
    onward = sum(one.samples for one in probes if one.onward)
    return max(own * sum(histories), onward * sum(histories[:-1]))


def calls_of(config: RunConfig) -> int:
    """Inference calls of an update at most; what is learned from saved trees draws none."""
    if config.training.saved is not None:
        return 0
    agents, algorithm, turns = list(config.agents), config.algorithm, config.env.num_turns
    drawn = len(agents) * sum(samples_of_turns(len(agents), algorithm.branching, turns))
    return trees_of(config) * (drawn + sum(map(sum, probed_of_turns(algorithm, agents, turns).values())))


def trees_of(config: RunConfig) -> int:
    """Trees that an update grows."""
    return config.training.tasks_per_update * config.training.episodes_per_task


def work_of(config: RunConfig) -> Work:
    """What one agent does in an update at most."""
    algorithm, turns, trees = config.algorithm, config.env.num_turns, trees_of(config)
    drawn = samples_of_turns(len(config.agents), algorithm.branching, turns)
    rows = min(trees * drawn[-1], _MOST)
    probed = trees * probed_at_once(algorithm, list(config.agents), turns)
    return Work(
        rows=max(rows, min(probed, _MOST)),
        kept=min(trees * drawn[-2], _MOST) if turns > 1 else 0,
        siblings=algorithm.branching.num_samples,
        episodes=int(min(algorithm.minibatch_size or math.inf, rows)),
        turns=turns,
        reference=algorithm.needs_reference,
        ahead=config.training.collect_ahead,
    )
