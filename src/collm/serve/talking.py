"""One turn of a team that speaks: a protocol says who is asked what, until there is a joint action."""

from __future__ import annotations

import asyncio
from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from collm.base.seeding import derive
from collm.contract.boundary import BrokenPromiseError
from collm.errors import CollmError
from collm.protocols.base import Scene, Talk
from collm.protocols.talking import Standing, advance
from collm.serve.refusals import RefusedError
from collm.serve.voice import Draw, Reply, Voice
from collm.types import History, JointAction, Observation, Observations

TellTeam = Callable[[str, int, int, str], None]
"""Told an agent, the turn, the step of its talk and each piece of the reply as it is written."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, and what it answers."""

    player: str
    observation: Observation
    reply: Reply


@dataclass(frozen=True, slots=True)
class Talked:
    """A turn that is talked through.

    Attributes:
        seen: what each agent that acts observed.
        said: everything that was said, in its order.
        actions: what the talk ended with.
    """

    seen: Observations
    said: tuple[Said, ...]
    actions: JointAction

    @property
    def counted(self) -> Mapping[str, Said]:
        """What each player remembers of the turn: what it said as its action, or else what it said last."""
        last = {one.player: one for one in self.said}
        own = [one for one in self.said if self.actions.get(one.player) is one.reply.action]
        return {**last, **{one.player: one for one in own}}

    @property
    def cut(self) -> bool:
        """Whether a reply that counted ended at its limit."""
        return any(one.reply.action.finish_reason == "length" for one in self.counted.values())


@dataclass(frozen=True, slots=True)
class Asking:
    """Who may be asked in a turn, and how.

    Attributes:
        voices: by player.
        histories: of the turns before, by player.
        turn: its number, from 0.
        draw: of the whole request.
        tell: told what is said.
    """

    voices: Mapping[str, Voice]
    histories: Mapping[str, History]
    turn: int
    draw: Draw
    tell: TellTeam

    async def ask(self, asked: Observations, said: Sequence[Said], step: int) -> list[Said]:
        """What all of them reply, at the same time; one failure ends them all."""
        try:
            async with asyncio.TaskGroup() as together:
                tasks = {
                    player: together.create_task(
                        self.voices[player].act(
                            self.histories[player],
                            observation,
                            self._drawn(player, sum(one.player == player for one in said)),
                            partial(self.tell, player, self.turn, step),
                        )
                    )
                    for player, observation in asked.items()
                }
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return [Said(player, asked[player], task.result()) for player, task in tasks.items()]

    def _drawn(self, player: str, again: int) -> Draw:
        """How a player draws a reply; ``again`` counts those that it has given in this turn."""
        seed = derive(self.draw.seed, player, self.turn)
        return replace(self.draw, seed=derive(seed, "again", again) if again else seed)


async def talked(talk: Talk, scene: Scene, asking: Asking) -> Talked:
    """Let a talk go on until it has a joint action.

    Raises:
        RefusedError: if an agent cannot answer, or the protocol breaks its word.
        CollmError: if the environment breaks its contract.
    """
    said: list[Said] = []
    standing, step = await _advanced(talk, scene, None), 0
    while standing.asked is not None:
        replies = await asking.ask(standing.asked, said, step)
        said += replies
        heard = {one.player: one.reply.action for one in replies}
        standing, step = await _advanced(talk, scene, heard), step + 1
    return Talked(scene.observations, tuple(said), standing.actions)


async def _advanced(talk: Talk, scene: Scene, replies: JointAction | None) -> Standing:
    try:
        return await to_thread(advance, talk, scene.observations, scene.players, replies)
    except BrokenPromiseError:
        raise
    except CollmError as error:  # no client can mend a protocol
        raise RefusedError(500, str(error), "protocol_failed") from None
