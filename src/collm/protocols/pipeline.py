"""Pipeline: agents reply one after another and see what came before (paper section 5.2)."""

from __future__ import annotations

from typing import Literal

from collm.protocols.base import PlayProtocol, Scene, Talk, texts
from collm.types import Action


class Pipeline(PlayProtocol):
    """In each turn of the environment, in the order of its agents."""

    type: Literal["pipeline"] = "pipeline"

    def talk(self, scene: Scene) -> Talk:
        actions: dict[str, Action] = {}
        inputs: dict[str, str] = {}
        for agent, observation in scene.observations.items():
            asked = scene.informed(agent, texts(actions), inputs) if actions else observation
            inputs[agent] = asked.text
            actions |= yield {agent: asked}
        return actions
