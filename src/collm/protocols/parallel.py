"""Parallel: all agents reply at once, and none sees another's reply (paper section 5.2)."""

from __future__ import annotations

from typing import Literal

from collm.protocols.base import PlayProtocol, Scene, Talk


class Parallel(PlayProtocol):
    """Turn by turn as teams are trained."""

    type: Literal["parallel"] = "parallel"

    def talk(self, scene: Scene) -> Talk:
        return (yield scene.observations)
