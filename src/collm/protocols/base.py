"""The seam of a protocol: a generator that asks players and is told their replies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from collm.base.registry import discover, made
from collm.base.settings import Settings
from collm.contract.held import Held, HeldState
from collm.errors import CollmError
from collm.protocols.wording import informed_observation
from collm.types import JointAction, Observation, Observations

Talk = Generator[Observations, JointAction, JointAction]
"""Yields what to ask, by player; is sent the players' actions; returns one for every agent that acts."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One turn of an environment, before anybody has replied.

    Attributes:
        env: the environment as it is played.
        state: where it is; ``None`` where a person speaks in its place.
        observations: what each agent that acts now sees, in the agents' order.
        players: the names of the policies that may be asked.
    """

    env: Held
    state: HeldState | None
    observations: Observations
    players: tuple[str, ...]

    def informed(
        self, agent: str, replies: Mapping[str, str], inputs: Mapping[str, str] | None = None
    ) -> Observation:
        """What an agent reads once it is shown replies of this turn.

        In the environment's words, or in neutral ones if it has none, or a person speaks.

        Args:
            agent: who reads.
            replies: by agent; its own among them if it is to reply once more.
            inputs: what the others were asked, to be shown too where the words are neutral.
        """
        if self.state is not None:
            own = self.env.observe_replies(self.state, agent, replies)
            if own is not None:
                return own
        return informed_observation(self.observations[agent], agent, replies, inputs or {})

    def chosen(self, name: str | None, field: str) -> str:
        """The player of that name; without a name the first agent's, or else the first of all.

        Raises:
            CollmError: naming ``field``, if there is no such player.
        """
        if name is None:
            first = self.env.agents[0]
            return first if first in self.players else self.players[0]
        if name not in self.players:
            mend = f"use one of {', '.join(self.players)}."
            raise CollmError(f"protocol.{field}", f"the team has no agent {name!r}.", mend)
        return name


class PlayProtocol(Settings, ABC):
    """Base of every protocol: a frozen model, whose fields are its settings.

    Subclasses set ``type`` to a unique name and say in :meth:`talk` how a turn goes.
    """

    type: str

    def stage(self, env: Held) -> Held:
        """The environment that is played, if not ``env`` itself."""
        return env

    def turns(self, env: Held) -> int:
        """How many turns of the environment an episode has at most."""
        return env.num_turns

    @abstractmethod
    def talk(self, scene: Scene) -> Talk:
        """One turn. What is yielded together is asked at one time: a step."""


def texts(actions: JointAction) -> dict[str, str]:
    """The replies alone."""
    return {agent: action.text for agent, action in actions.items()}


def protocols() -> dict[str, type[PlayProtocol]]:
    """Every protocol that ships with the package, by type name."""
    return discover("collm.protocols", PlayProtocol)  # type: ignore[return-value]


def make_protocol(config: Mapping[str, Any], where: str = "protocol") -> PlayProtocol:
    """Build a protocol from its settings; ``type`` is a name or ``module:Class``.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, or a value does not fit.
    """
    protocol: PlayProtocol = made(config, PlayProtocol, "protocol", where, "collm.protocols")
    return protocol
