"""Plays a task with a team that speaks: the environment writes what is read, the agents answer together."""

from __future__ import annotations

import asyncio
from asyncio import to_thread
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pydantic_core import from_json

from collm.base.seeding import derive
from collm.contract.held import Held, HeldState
from collm.env import Task
from collm.serve.voice import Draw, Reply, Voice
from collm.types import Action, History, Observation, Observations

TellTeam = Callable[[str, int, str], None]
"""Told an agent, the turn and each piece of the reply as it is written."""

Replies = Mapping[str, Reply]


@dataclass(frozen=True, slots=True)
class Episode:
    """What a team has said of a task so far.

    Attributes:
        task: what was asked for.
        histories: each agent's own.
        turns: the replies by agent, turn by turn.
    """

    task: Task
    histories: Mapping[str, History]
    turns: tuple[Mapping[str, str], ...] = ()

    def after(self, observations: Observations, replies: Replies) -> Episode:
        """The episode one turn later."""
        histories = {
            agent: _after(self.histories[agent], observations[agent], replies[agent].action)
            for agent in replies
        }
        said = {agent: reply.action.text for agent, reply in replies.items()}
        return Episode(self.task, {**self.histories, **histories}, (*self.turns, said))


@dataclass(frozen=True, slots=True)
class Played:
    """An episode and what a request added to it.

    Attributes:
        replies: of the turns that the request cost, by agent.
        answer: the joint answer that the last of them amounts to.
    """

    episode: Episode
    replies: tuple[Replies, ...]
    answer: str


async def task_from(env: Held, text: str) -> Task:
    """The task that a message is: a row as a JSON object, or plain text.

    Raises:
        CollmError: if it is none.
    """
    try:
        row = from_json(text, allow_inf_nan=False)
    except ValueError:
        row = None
    if isinstance(row, dict):
        return await to_thread(env.parse_task, row, "task")
    return await to_thread(env.task_of, text)


async def play(env: Held, voices: Mapping[str, Voice], task: Task, draw: Draw, tell: TellTeam) -> Played:
    """Play a task from its beginning, as many turns as the environment lets it have.

    The last turn is not stepped, and neither is a task without a reference: nobody asks for its reward.

    Raises:
        CollmError: if the environment cannot read the task, or breaks its contract.
        InfrastructureError: if it cannot step.
        RefusedError: if an agent cannot answer.
    """
    turns = env.num_turns if env.has_reference(task) else 1
    episode = Episode(task, {agent: History() for agent in env.agents})
    state: HeldState | None = await to_thread(env.reset, task, draw.seed)
    spoken: list[Replies] = []
    while state is not None:
        observations = await to_thread(env.observe, state)
        replies = await answers(voices, episode, observations, draw, tell)
        episode = episode.after(observations, replies)
        spoken.append(replies)
        state = await _next(env, state, episode) if len(spoken) < turns else None
    return await _played(env, episode, spoken)


async def go_on(
    env: Held, voices: Mapping[str, Voice], episode: Episode, text: str, draw: Draw, tell: TellTeam
) -> Played:
    """One more turn, in which every agent observes what the person says.

    Raises:
        RefusedError: if an agent cannot answer.
    """
    observations = {
        agent: Observation(text, raw=history.observations[-1].raw)
        for agent, history in episode.histories.items()
        if history.observations
    }
    replies = await answers(voices, episode, observations, draw, tell)
    return await _played(env, episode.after(observations, replies), [replies])


async def answers(
    voices: Mapping[str, Voice], episode: Episode, observations: Observations, draw: Draw, tell: TellTeam
) -> Replies:
    """What the agents that observe something reply, all at the same time; one failure ends them all."""
    t = len(episode.turns)
    try:
        async with asyncio.TaskGroup() as together:
            asked = {
                agent: together.create_task(
                    voices[agent].act(
                        episode.histories[agent],
                        observation,
                        replace(draw, seed=derive(draw.seed, agent, t)),
                        partial(tell, agent, t),
                    )
                )
                for agent, observation in observations.items()
            }
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return {agent: task.result() for agent, task in asked.items()}


async def _next(env: Held, state: HeldState, episode: Episode) -> HeldState | None:
    """The state that the last turn leads to; ``None`` if the episode is over."""
    transition = await to_thread(env.step, state, episode.turns[-1])
    over = transition.terminated or transition.truncated
    good = env.ends_early([env.processed(transition.reward, episode.task)], episode.task)
    return None if over or good else transition.state


async def _played(env: Held, episode: Episode, spoken: list[Replies]) -> Played:
    answer = await to_thread(env.compose, episode.task, episode.turns)
    return Played(episode, tuple(spoken), answer)


def _after(history: History, observation: Observation, action: Action) -> History:
    """A history one turn later, with the tokens of its last action alone: those hold all before them."""
    earlier = tuple(replace(past, prompt_ids=(), token_ids=(), token_logprobs=()) for past in history.actions)
    return History(history.observations, earlier).after(observation, action)
