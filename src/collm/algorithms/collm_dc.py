"""CoLLM-DC: multi-agent actor-critic with decentralized critics."""

from __future__ import annotations

from typing import ClassVar, Literal

from collm.algorithms.actor_critic import ActorCritic


class CoLLMDC(ActorCritic):
    """Each agent's own critic reads its local history and the global information.

    Estimator: ``delta_{i,t} = r_t + discount * V_i(h_{i,t+1}) - V_i(h_{i,t})``, paper equations 2 and 3,
    Algorithm 2. A local critic cannot tell apart joint histories that one agent sees alike, and while
    the others learn, its target moves (section 3.2). With one agent it equals CoLLM-CC.
    """

    centralized: ClassVar[bool] = False

    type: Literal["collm_dc"] = "collm_dc"
