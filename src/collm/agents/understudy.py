"""Plays as an agent played a while ago, in another thread than the one in which the agent learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from collm.agents.agent import Agent
from collm.agents.learner import Learner
from collm.agents.policy import TokenPolicy
from collm.models.backbone import Handle
from collm.models.copies import copies, follow
from collm.types import Action


class Understudy:
    """An agent's context, engine and weights once more; they change when it is told to follow.

    Args:
        agent: whom it follows.
        weights: a copy of the agent's.

    Attributes:
        version: of the weights that it plays with.
    """

    def __init__(self, agent: Agent, weights: Handle) -> None:
        self._agent, self._weights, config = agent, weights, agent.config
        needs = replace(agent.needs, weights=weights, shared={})
        context = deepcopy(agent.policy.context)
        self.policy = TokenPolicy(context, config.engine.open(needs), config.sampling)
        unmoved = config.model_copy(update={"frozen": True})
        self._learner = Learner(weights, lambda: weights, needs.pad_id, unmoved)
        self.version = 0

    def follow(self) -> None:
        """Take over the agent's weights and their version."""
        if not self._agent.config.frozen:
            follow(self._weights, self._agent.learner.weights)
        self.version = self._agent.learner.version
        self.policy.engine.refresh(self.version)

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[tuple[float, ...]]:
        """Of actions that it has played, as :meth:`collm.agents.learner.Learner.behavior_logprobs` tells."""
        return self._learner.behavior_logprobs(actions)


def understudies(agents: Mapping[str, Agent]) -> dict[str, Understudy]:
    """One for each policy of a team, under the names of all agents that play it."""
    owners = {name: agent for name, agent in agents.items() if agent.config.shares is None}
    weights = {name: agent.learner.weights for name, agent in owners.items()}
    learning = [name for name, agent in owners.items() if not agent.config.frozen]
    opened = {name: Understudy(owners[name], copy) for name, copy in copies(weights, learning).items()}
    return {name: opened[agent.config.shares or name] for name, agent in agents.items()}
