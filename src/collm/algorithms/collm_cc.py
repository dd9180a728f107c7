"""CoLLM-CC: multi-agent actor-critic with a centralized critic."""

from __future__ import annotations

from typing import ClassVar, Literal

from collm.algorithms.base import ActorCritic, CriticView


class CoLLMCC(ActorCritic):
    """One critic reads the joint history and the global information; every agent learns from its residual.

    Estimator: ``delta_t = r_t + discount * V(h_{t+1}) - V(h_t)`` over joint histories, paper equations 4
    and 5, Algorithm 1. Unbiased once the critic has converged. With one turn it is a learned baseline.
    """

    critic_view: ClassVar[CriticView | None] = "joint"

    type: Literal["collm_cc"] = "collm_cc"
