"""Which engine an agent draws with: settings that open it. Read without torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collm.base.registry import made
from collm.base.settings import Settings

if TYPE_CHECKING:
    from collm.engines.base import Engine
    from collm.engines.following import Following
    from collm.models.backbone import Handle
    from collm.models.config import ModelConfig


@dataclass(frozen=True, slots=True)
class EngineNeeds:
    """What an engine is opened with.

    Attributes:
        agent: whose engine it is.
        weights: the ones that are trained in this process; the engine follows them.
        end_ids: tokens that end a completion.
        pad_id: fills unused positions.
        batch_rows: completions to draw together at most.
        model: what the weights are of.
        longest: tokens that a prompt and its completion have at most.
        shared: what engines of one team open once, by what it is.
    """

    agent: str
    weights: Handle
    end_ids: frozenset[int]
    pad_id: int
    batch_rows: int
    model: ModelConfig
    longest: int
    shared: MutableMapping[Hashable, Any]


class EngineKind(Settings, ABC):
    """A kind of engine and its settings; subclasses set ``type`` to a unique name."""

    type: str

    def following(self, model: ModelConfig) -> Following | None:
        """How closely its copy of the weights is watched; ``None`` if it draws with the trained ones."""
        return None

    def check_trains(self, agent: str) -> None:
        """Test that an agent with this engine can be trained here.

        Raises:
            CollmError: if it cannot.
        """

    @abstractmethod
    def open(self, needs: EngineNeeds) -> Engine:
        """An engine that draws with an agent's weights.

        Raises:
            CollmError: if it cannot.
        """


def make_engine_kind(config: Any, where: str = "engine") -> EngineKind:
    """Read an agent's ``engine:``; ``type`` is a name or ``module:Class``.

    Names are those of shipped engines, and of the entry points ``collm.engines`` of packages.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, or a value does not fit.
    """
    if isinstance(config, EngineKind):
        return config
    kind: EngineKind = made(config, EngineKind, "engine", where, "collm.engines.kinds", "collm.engines")
    return kind
