"""Players that answer by rule, and a game of any length in which every reply is a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import sleep
from typing import Any, Literal

from collm.agents.policy import Actions, Policy, Request
from collm.engines.base import Deferred
from collm.env import Environment, Split, Transition
from collm.errors import InfrastructureError
from collm.protocols.base import PlayProtocol
from collm.protocols.episode import Episode
from collm.protocols.playing import play
from collm.rollout import Reset
from collm.types import Action, Observation, Observations


@dataclass(frozen=True)
class Word:
    id: str


@dataclass(frozen=True)
class Said:
    task: Word
    turns: tuple[str, ...] = ()


class Words(Environment[Word, Said]):
    """The reward is how many characters were said; a reply "broken" breaks the infrastructure."""

    type: Literal["words"] = "words"
    size: int = 2
    one_at_a_time: bool = False

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple("abc"[: self.size])

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 100.0

    def tasks(self, split: Split) -> Sequence[Word]:
        return [Word("one"), Word("two")]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Word:
        return Word(str(row["id"]))

    def reset(self, task: Word, seed: int) -> Said:
        return Said(task)

    def observe(self, state: Said) -> Observations:
        turn = len(state.turns)
        acting = [self.agents[turn % self.size]] if self.one_at_a_time else reversed(self.agents)
        return {agent: Observation(f"{state.task.id}{turn} for {agent}") for agent in acting}

    def step(self, state: Said, replies: Mapping[str, str]) -> Transition[Said]:
        if "broken" in replies.values():
            raise InfrastructureError("the sandbox died")
        following = replace(state, turns=(*state.turns, ",".join(replies.values())))
        return Transition(
            following,
            reward=float(sum(map(len, replies.values()))),
            metrics={"passed_all": float("yes" in replies.values())},
            terminated=len(following.turns) == self.num_turns,
        )


Say = Callable[[str], str]
Heard = list[tuple[str, str]]


class Player:
    """Says what its rule makes of what it is asked; its token ids are as many as characters."""

    def __init__(self, name: str, say: Say, heard: Heard, seconds: float = 0.0) -> None:
        self.name, self.say, self.heard, self.seconds = name, say, heard, seconds
        self.requests: list[Request] = []
        self.released = 0

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.requests += requests
        self.heard += [(self.name, request.observation.text) for request in requests]
        return Deferred(lambda: self._reply(requests))

    def release(self) -> None:
        self.released += 1

    def _reply(self, requests: Sequence[Request]) -> Actions:
        sleep(self.seconds)
        texts = [self.say(request.observation.text) for request in requests]
        return [(Action(text, token_ids=tuple(range(len(text)))),) for text in texts]


def team(heard: Heard, **says: Say) -> dict[str, Player]:
    return {name: Player(name, say, heard) for name, say in says.items()}


def played(
    protocol: PlayProtocol, env: Environment[Any, Any], policies: Mapping[str, Policy], tasks: int = 1
) -> tuple[Episode, ...]:
    """An episode of each of the first tasks."""
    resets = [Reset(task, number) for number, task in enumerate(env.tasks("test")[:tasks])]
    return play(protocol, env, policies, resets)


def replies(episode: Episode) -> list[dict[str, str]]:
    """The joint actions, turn by turn."""
    return [
        {agent: action.text for agent, action in turn.joint_action.items()} for turn in episode.tree.turns
    ]
