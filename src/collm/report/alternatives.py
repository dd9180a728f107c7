"""The row of one episode, with the alternatives beside it: actions that were drawn instead of its own."""

from __future__ import annotations

from collm.agents.config import AgentConfig, CriticConfig
from collm.config.tree import RunConfig
from collm.models.config import ModelConfig


def row_tokens(model: ModelConfig, beside: int) -> int:
    """Tokens of an episode's row, with those of its alternatives, at most."""
    said = model.sampling.max_tokens if isinstance(model, AgentConfig) else 0
    return model.context + said + beside


def learned_beside(config: RunConfig, agent: str) -> int:
    """Tokens of one episode's alternatives that an agent learns from too, at most."""
    return config.env.num_turns * learned_probes(config, agent) * config.agents[agent].sampling.max_tokens


def learned_probes(config: RunConfig, agent: str | None = None) -> int:
    """Joint actions that are learned from beside each of an episode's own; an agent's are those it draws."""
    probes = config.algorithm.most_probes(list(config.agents), 1)
    own = (one for one in probes if agent is None or one.agent in (None, agent))
    return sum(one.samples for one in own if one.learned)


def read_beside(config: RunConfig, critic: CriticConfig, reader: str | None) -> int:
    """Tokens of one episode's alternatives that a critic reads, at most.

    A probe adds what is said at each turn. One that is played to the end adds an episode's later turns,
    as long as those that fill the context.

    Args:
        reader: whose history it reads; ``None`` for the joint one.
    """
    turns, probes = config.env.num_turns, config.algorithm.most_probes(list(config.agents), 1)
    said = sum(one.sampling.max_tokens for name, one in config.agents.items() if reader in (None, name))
    return sum(
        one.samples * (turns * said + (turns - 1) * critic.context // 2 * one.onward)
        for one in probes
        if one.learned or not config.algorithm.sees_next_alone
    )
