"""MAPPO: multi-agent PPO with a centralized critic."""

from __future__ import annotations

from typing import ClassVar, Literal

from collm.algorithms.ppo import PPO


class MAPPO(PPO):
    """One critic reads the joint history; every agent learns from its advantage, clipped by token.

    CoLLM-CC with PPO's settings: without them, on the policy's own samples, the gradients are the same.
    Biased as far as the critic is wrong and ``trace_decay`` below 1.
    """

    centralized: ClassVar[bool] = True

    type: Literal["mappo"] = "mappo"
