"""What graders hold: an environment. They need no PyTorch unless it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collm.env import AnyEnvironment, Transition


class GraderHost:
    """An environment that steps here."""

    def __init__(self, env: AnyEnvironment) -> None:
        self._env = env

    def step(self, state: Any, replies: Mapping[str, str]) -> Transition[Any]:
        return self._env.step(state, replies)
