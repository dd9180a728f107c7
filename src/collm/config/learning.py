"""Refuses settings under which nothing is learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from collm.agents.config import AgentConfig, TrunkConfig
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.config.tree import RunConfig


def check_learning(config: RunConfig) -> None:
    """Test that not every advantage or every gradient is 0.

    Raises:
        CollmError: if it is, or an agent's weights are not here.
    """
    for name, agent in config.agents.items():
        agent.engine.check_trains(name)
        if agent.sampling.temperature == 0:
            mend = "use a temperature above 0; evaluation is greedy by itself where asked."
            raise CollmError(f"agents.{name}.sampling.temperature", "greedy actions teach nothing.", mend)
    algorithm, training = config.algorithm, config.training
    if config.critic is None and all(agent.frozen for agent in config.agents.values()):
        mend = "leave it out for one agent at least."
        raise CollmError("agents.*.frozen", "every agent is frozen, so nothing would be learned.", mend)
    if isinstance(config.critic, TrunkConfig):
        _check_trunks(config.agents)
    if training.saved is not None and not algorithm.offline:
        problem = f"the algorithm {algorithm.type} learns from its own play alone."
        raise CollmError("training.saved", problem, "leave it out, or use madpo or reward_model.")
    trees = training.tasks_per_update * training.episodes_per_task
    actions = trees * algorithm.branching.num_samples * config.env.num_turns
    most = min(algorithm.minibatch_size or math.inf, actions)
    if algorithm.advantage_normalization and most == 1:
        problem = "a minibatch of one action leaves no advantage after normalization."
        mend = "set it to false, or make algorithm.minibatch_size and the buffer larger."
        raise CollmError("algorithm.advantage_normalization", problem, mend)


def _check_trunks(agents: Mapping[str, AgentConfig]) -> None:
    """Test that every agent has a trunk of its own that learns, for a value head to stand on."""
    for name, agent in agents.items():
        if agent.frozen or agent.shares is not None:
            key = "frozen" if agent.frozen else "shares"
            problem = f"a value head on the trunk of agent {name} needs that it learns by itself."
            raise CollmError(f"agents.{name}.{key}", problem, "leave it out, or leave out critic.trunk.")
