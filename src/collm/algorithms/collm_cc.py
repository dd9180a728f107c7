"""CoLLM-CC: multi-agent actor-critic with a centralized critic."""

from __future__ import annotations

from typing import ClassVar, Literal

from collm.algorithms.actor_critic import ActorCritic


class CoLLMCC(ActorCritic):
    """One critic reads the joint history and the global information; every agent learns from its residual.

    Estimator: ``delta_t = r_t + discount * V(h_{t+1}) - V(h_t)`` over joint histories, paper equations 4
    and 5, Algorithm 1. Unbiased once the critic has converged. With one turn it is a learned baseline.
    """

    centralized: ClassVar[bool] = True

    type: Literal["collm_cc"] = "collm_cc"
