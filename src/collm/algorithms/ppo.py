"""PPO's settings: what MAPPO and IPPO share beside their critics."""

from __future__ import annotations

from pydantic import Field

from collm.algorithms.actor_critic import ActorCritic
from collm.functional.kinds import RatioKind


class PPO(ActorCritic):
    """Actor-critic with PPO's clip by token, generalized advantages and several passes.

    The defaults are those of Yu et al. 2022, "The Surprising Effectiveness of PPO in Cooperative Games",
    but for the passes, of which language models bear few. Their clip of values is ``value_clip``, off unless
    it is set; for their normalization of values there is ``critic.scaled_targets``.
    """

    trace_decay: float = Field(default=0.95, ge=0, le=1)
    advantage_normalization: bool = True
    ratio: RatioKind = "token"
    ratio_clip: float | None = Field(default=0.2, gt=0, lt=1)
    entropy_bonus: float = Field(default=0.01, ge=0)
    update_epochs: int = Field(default=2, ge=1)
