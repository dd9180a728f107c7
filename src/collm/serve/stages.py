"""What a team plays, by which protocols: each is tried before anybody waits for its answer."""

from __future__ import annotations

from dataclasses import dataclass

from collm.base.installed import installed_names
from collm.contract.held import Held
from collm.errors import RAISED, CollmError
from collm.protocols.base import PlayProtocol, Scene, make_protocol, protocols
from collm.protocols.parallel import Parallel
from collm.protocols.talking import advance
from collm.serve.refusals import RefusedError
from collm.types import Observation


@dataclass(frozen=True, slots=True)
class Stage:
    """A protocol and what is played by it.

    Attributes:
        protocol: how a turn goes.
        env: in the form that the protocol plays.
        players: the agents' names, all of whom may be asked.
    """

    protocol: PlayProtocol
    env: Held
    players: tuple[str, ...]


def staged(protocol: PlayProtocol, env: Held, players: tuple[str, ...]) -> Stage:
    """A protocol around an environment, tried until it first asks somebody.

    Raises:
        CollmError: if it asks somebody who is not there, or has another number of turns than the
            environment can play.
    """
    stage = Stage(protocol, protocol.stage(env), players)
    turns, most = protocol.turns(stage.env), stage.env.num_turns
    if not 1 <= turns <= most:
        problem = f"it has {turns} turns, and its environment plays 1 to {most}."
        raise CollmError(f"protocol {protocol.type!r}", problem, "change env.num_turns or the protocol.")
    seen = {agent: Observation("") for agent in stage.env.agents}
    try:
        advance(protocol.talk(Scene(stage.env, None, seen, players)), seen, players)
    except CollmError:
        raise
    except RAISED:
        pass  # code that stumbles over blank observations may do well with real ones
    return stage


class Stages:
    """The protocols by which a team answers.

    Args:
        env: what the team plays.
        players: its agents' names.
        usual: the protocol of requests that name none; they are played as in training by default.

    Raises:
        CollmError: if the team cannot play by the usual one.
    """

    def __init__(self, env: Held, players: tuple[str, ...], usual: PlayProtocol | None = None) -> None:
        self._env, self._players = env, players
        self._usual = staged(usual or Parallel(), env, players)
        self._found = {self._usual.protocol.type: self._usual}

    def find(self, name: str | None) -> Stage:
        """The stage of a request that names a protocol, or none.

        Raises:
            RefusedError: if there is none of that name here, or the team cannot play by it.
        """
        if name is None:
            return self._usual
        if name not in self._found:
            self._found[name] = self._other(name)
        return self._found[name]

    def _other(self, name: str) -> Stage:
        known = sorted({*protocols(), *installed_names("collm.protocols"), *self._found})
        if name not in known:  # nor does a request import a module
            problem = f"there is no protocol {name!r}; there are {', '.join(known)}."
            raise RefusedError(400, problem, "invalid_value", "protocol")
        try:
            return staged(make_protocol({"type": name}), self._env, self._players)
        except CollmError as error:
            raise RefusedError(400, str(error), "invalid_value", "protocol") from None
