"""Agents that play one policy learn in one step."""

from __future__ import annotations

from collections.abc import Mapping

from collm.agents.agent import Agent
from collm.agents.learner import PolicyLoss


def sharing_of(agents: Mapping[str, Agent]) -> dict[str, list[str]]:
    """The agents that play each policy, by the one whose own it is."""
    owners: dict[str, list[str]] = {}
    for name, agent in agents.items():
        owners.setdefault(agent.config.shares or name, []).append(name)
    return owners


def summed(loss: PolicyLoss, agents: int) -> PolicyLoss:
    """A loss whose mean over the samples of some agents is the sum of their means.

    That is the gradient of a policy that several play. Where one acts more often, every action counts alike.
    """
    return loss if agents == 1 else lambda scores: loss(scores) * agents
