"""Answers requests: finds the model that is asked, bounds the work, remembers the team's conversations."""

from __future__ import annotations

import asyncio
import time
from asyncio import to_thread
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from collm.serve.asked import ChatAsked, TextAsked
from collm.serve.conversations import Conversations
from collm.serve.episode import Episode, Played, go_on, play, task_from
from collm.serve.limits import Limits
from collm.serve.meters import Meters
from collm.serve.refusals import RefusedError, refusal_of
from collm.serve.spoken import Outcome
from collm.serve.stages import Stage, Stages
from collm.serve.talking import TellTeam
from collm.serve.voice import Messages, Reply, Voice

TEAM = "team"


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece of what one agent of a team replies, in a turn and a step of its talk."""

    agent: str
    turn: int
    step: int
    text: str


Tell = Callable[[str | Heard], None]
"""Told each piece of an answer as it is written."""


class Desk:
    """Everything that a server answers, without HTTP.

    Args:
        stages: what the team plays, and how; ``None`` where agents are served alone.
        voices: the agents, by name.
        limits: what the server bears.
    """

    def __init__(self, stages: Stages | None, voices: Mapping[str, Voice], limits: Limits) -> None:
        self.limits, self.meters = limits, Meters()
        self._stages, self._voices = stages, voices
        self._conversations = Conversations(limits.conversations)
        self._busy = 0

    @property
    def models(self) -> tuple[str, ...]:
        """The names under which clients may ask."""
        return (*([TEAM] if self._stages is not None else []), *(f"{TEAM}/{agent}" for agent in self._voices))

    def start(self, asked: ChatAsked | TextAsked, tell: Tell) -> asyncio.Task[Outcome]:
        """Begin to answer; whoever cancels the task stops the generation.

        Raises:
            RefusedError: if there is no such model, or too much is going on already.
        """
        if asked.model not in self.models:
            known = f"there is no model {asked.model!r}; there are {', '.join(self.models)}."
            raise RefusedError(404, known, "model_not_found", "model")
        if self._busy >= self.limits.requests:
            problem = f"{self._busy} requests are being answered, which is all that this server takes."
            raise RefusedError(429, problem, "rate_limit_exceeded", retry_after=1)
        self._busy += 1
        self.meters.began()
        task = asyncio.create_task(self._in_time(asked, tell))
        task.add_done_callback(partial(self._ended, asked.model, time.monotonic()))
        return task

    async def check(self) -> dict[str, str]:
        """What is wrong with each agent; an empty text if nothing is."""
        results = await asyncio.gather(*(_fault(voice) for voice in self._voices.values()))
        faults = dict(zip(self._voices, results, strict=True))
        for agent, fault in faults.items():
            self.meters.checked(agent, not fault)
        return faults

    async def close(self) -> None:
        """Give back what the agents hold."""
        await asyncio.gather(*(voice.close() for voice in self._voices.values()))

    async def _in_time(self, asked: ChatAsked | TextAsked, tell: Tell) -> Outcome:
        async with asyncio.timeout(self.limits.seconds):
            if asked.model != TEAM:
                return await self._agent(asked, tell)
            if isinstance(asked, TextAsked):
                raise RefusedError(400, "the team answers chats.", "unsupported_parameter", "prompt")
            return await self._team(asked, tell)

    async def _agent(self, asked: ChatAsked | TextAsked, tell: Tell) -> Outcome:
        agent = asked.model.removeprefix(f"{TEAM}/")
        voice = self._voices[agent]
        if isinstance(asked, TextAsked):
            reply = await voice.go_on(asked.prompt, asked.draw, tell)
        elif asked.protocol is not None:
            raise RefusedError(400, f"only {TEAM} has protocols.", "unsupported_parameter", "protocol")
        else:
            reply = await voice.chat(asked.chat, asked.draw, tell)
        return _outcome(reply.action.text, [(agent, reply)], reply.action.finish_reason == "length")

    async def _team(self, asked: ChatAsked, tell: Tell) -> Outcome:
        def hear(agent: str, turn: int, step: int, text: str) -> None:
            tell(Heard(agent, turn, step, text))

        messages = asked.chat
        _check_roles(messages)
        played = await self._played(asked, messages, hear)
        self._conversations.keep(messages, played.answer, played.episode)
        tell(played.answer)
        replies = [(one.player, one.reply) for turn in played.turns for one in turn.said]
        turns = played.episode.turns[-len(played.turns) :]
        return _outcome(played.answer, replies, played.turns[-1].cut, turns)

    async def _played(self, asked: ChatAsked, messages: Messages, hear: TellTeam) -> Played:
        assert self._stages is not None
        stage = await to_thread(self._stages.find, asked.protocol)
        *before, last = messages
        if before:
            episode = self._remembered(before, stage)
            return await go_on(self._voices, episode, last["content"], asked.draw, hear)
        task = await task_from(stage.env, last["content"])
        return await play(stage, self._voices, task, asked.draw, hear)

    def _remembered(self, messages: Messages, stage: Stage) -> Episode:
        episode = self._conversations.find(messages, stage)
        if episode is None:
            protocol = stage.protocol.type
            problem = f"by the protocol {protocol!r} this conversation is not remembered (any more)"
            raise RefusedError(
                400, f"{problem}; begin anew with a task.", "conversation_not_found", "messages"
            )
        return episode

    def _ended(self, model: str, began: float, task: asyncio.Task[Outcome]) -> None:
        self._busy -= 1
        self.meters.ended(model, _end(task), time.monotonic() - began)
        if not task.cancelled() and task.exception() is None:
            self.meters.spent(task.result())


def _outcome(
    text: str,
    replies: Sequence[tuple[str, Reply]],
    cut: bool,
    turns: Sequence[Mapping[str, str]] | None = None,
) -> Outcome:
    read, written = Counter[str](), Counter[str]()
    for agent, reply in replies:
        read[agent] += reply.prompt_tokens
        written[agent] += reply.completion_tokens
    return Outcome(text, "length" if cut else "stop", read, written, turns)


def _check_roles(messages: Messages) -> None:
    """A conversation with the team: a person and the team in turns, the person first and last."""
    expected = ["user", "assistant"] * len(messages)
    roles = [message["role"] for message in messages]
    if roles != expected[: len(roles)] or roles[-1] != "user":
        problem = "the team takes a task from the user, and then the user's and its own messages in turns."
        raise RefusedError(
            400, f"{problem} What agents read, their environment writes.", "invalid_messages", "messages"
        )


def _end(task: asyncio.Task[Outcome]) -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    if error is None:
        return task.result().finish_reason
    return "refused" if refusal_of(error).status < 500 else "failed"


async def _fault(voice: Voice) -> str:
    try:
        await voice.check()
    except RefusedError as refusal:
        return refusal.message
    return ""
