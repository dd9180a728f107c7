"""IPPO: independent PPO, a critic for each agent."""

from __future__ import annotations

from typing import ClassVar, Literal

from collm.algorithms.ppo import PPO


class IPPO(PPO):
    """Each agent's own critic reads its local history; PPO for each agent as if it were alone.

    CoLLM-DC with PPO's settings. With one agent it is MAPPO.
    """

    centralized: ClassVar[bool] = False

    type: Literal["ippo"] = "ippo"
