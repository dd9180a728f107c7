"""Single: one model plays alone, one turn (the single-model baselines of paper section 5.2)."""

from __future__ import annotations

from typing import Literal

from collm.contract.held import Held
from collm.protocols.base import PlayProtocol, Scene, Talk
from collm.protocols.wording import merged_observation, parted
from collm.types import Action


class Single(PlayProtocol):
    """The environment's own form for a single agent; where it has none, one model replies for all agents.

    Attributes:
        agent: whose model plays; the one that is called as the single agent is, or else the first.
    """

    type: Literal["single"] = "single"
    agent: str | None = None

    def stage(self, env: Held) -> Held:
        return env.for_one_agent() or env

    def turns(self, env: Held) -> int:
        return 1

    def talk(self, scene: Scene) -> Talk:
        player = scene.chosen(self.agent, "agent")
        action = (yield {player: merged_observation(scene.observations)})[player]
        if len(scene.observations) == 1:
            return dict.fromkeys(scene.observations, action)
        return {agent: Action(text) for agent, text in parted(action.text, scene.observations).items()}
