"""Actions that were drawn instead of an episode's own: tokens of the rows that hold them beside it."""

from __future__ import annotations

from collections.abc import Iterator

from collm.agents.config import AgentConfig, CriticConfig
from collm.algorithms.base import Probe
from collm.config.tree import RunConfig


def learned_beside(config: RunConfig, agent: str) -> int:
    """Tokens of one episode's alternatives that an agent learns from too, at most."""
    return config.env.num_turns * learned_probes(config, agent) * config.agents[agent].sampling.max_tokens


def learned_probes(config: RunConfig, agent: str | None = None) -> int:
    """Joint actions that are learned from beside each of an episode's own; those of an agent's anew."""
    return sum(
        one.samples
        for one in _probes(config)
        if one.learned and (agent is None or one.agent in (None, agent))
    )


def read_beside(config: RunConfig, critic: CriticConfig, reader: str | None) -> int:
    """Tokens of one episode's alternatives that a critic reads, at most.

    A probe adds what is said at each turn. One that is played to the end adds an episode's later turns,
    as long as those that fill the context.

    Args:
        reader: whose history it reads; ``None`` for the joint one.
    """
    agents = [one for name, one in config.agents.items() if reader in (None, name)]
    turns, said = config.env.num_turns, sum(map(_said, agents))
    return sum(
        one.samples * (turns * said + (turns - 1) * critic.context // 2 * one.onward)
        for one in _probes(config)
        if one.learned or not config.algorithm.sees_next_alone
    )


def _probes(config: RunConfig) -> Iterator[Probe]:
    """The probes of one joint action."""
    yield from config.algorithm.most_probes(list(config.agents), 1)


def _said(agent: AgentConfig) -> int:
    return agent.sampling.max_tokens
