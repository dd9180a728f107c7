"""Discussion: all reply, see each other's replies, and reply again (paper section 5.2; Du et al. 2023)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from collm.contract.held import Held
from collm.protocols.base import PlayProtocol, Scene, Talk, texts


class Discussion(PlayProtocol):
    """The replies of the last round are one turn of the environment, which ends the episode.

    Attributes:
        rounds: how often everybody replies; as many turns as a trained team has by default, at least two.
    """

    type: Literal["discussion"] = "discussion"
    rounds: int | None = Field(default=None, ge=1, le=100)

    def turns(self, env: Held) -> int:
        return 1

    def talk(self, scene: Scene) -> Talk:
        actions = yield scene.observations
        for _ in range(1, self.rounds or max(2, scene.env.num_turns)):
            replies = texts(actions)
            actions = yield {agent: scene.informed(agent, replies) for agent in scene.observations}
        return actions
