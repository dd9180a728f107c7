"""Plays a task with a team that speaks: the environment writes what is read, the agents answer together."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic_core import from_json

from collm.contract.held import Held, HeldState
from collm.env import Task
from collm.protocols.base import Scene
from collm.serve.stages import Stage
from collm.serve.talking import Asking, Talked, TellTeam, talked
from collm.serve.voice import Draw, Voice
from collm.types import Action, History, Observation, Observations


@dataclass(frozen=True, slots=True)
class Episode:
    """What a team has said of a task so far.

    Attributes:
        stage: what is played, and how.
        task: what was asked for.
        histories: each player's own.
        seen: what each agent observed last.
        turns: the replies by agent, turn by turn.
    """

    stage: Stage
    task: Task
    histories: Mapping[str, History]
    seen: Observations = field(default_factory=dict)
    turns: tuple[Mapping[str, str], ...] = ()

    def after(self, turn: Talked) -> Episode:
        """The episode one turn later."""
        histories = {
            player: _after(self.histories[player], one.observation, one.reply.action)
            for player, one in turn.counted.items()
        }
        actions = {agent: action.text for agent, action in turn.actions.items()}
        return replace(
            self,
            histories={**self.histories, **histories},
            seen={**self.seen, **turn.seen},
            turns=(*self.turns, actions),
        )


@dataclass(frozen=True, slots=True)
class Played:
    """An episode and what a request added to it.

    Attributes:
        turns: that the request cost.
        answer: the joint answer that the last of them amounts to.
    """

    episode: Episode
    turns: tuple[Talked, ...]
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


async def play(stage: Stage, voices: Mapping[str, Voice], task: Task, draw: Draw, tell: TellTeam) -> Played:
    """Play a task from its beginning, as many turns as the protocol and the environment let it have.

    The last turn is not stepped, and neither is a task without a reference: nobody asks for its reward.

    Raises:
        CollmError: if the environment cannot read the task, or breaks its contract.
        InfrastructureError: if it cannot step.
        RefusedError: if an agent cannot answer, or the protocol breaks its word.
    """
    env = stage.env
    most = stage.protocol.turns(env) if env.has_reference(task) else 1
    episode = Episode(stage, task, {player: History() for player in stage.players})
    state: HeldState | None = await to_thread(env.reset, task, draw.seed)
    turns: list[Talked] = []
    while state is not None:
        observed = await to_thread(env.observe, state)
        seen = {agent: observed[agent] for agent in env.agents if agent in observed}
        turns.append(await _turn(episode, state, seen, voices, draw, tell))
        episode = episode.after(turns[-1])
        state = await _next(env, state, episode) if len(turns) < most else None
    return await _played(episode, turns)


async def go_on(
    voices: Mapping[str, Voice], episode: Episode, text: str, draw: Draw, tell: TellTeam
) -> Played:
    """One more turn, in which every agent that has acted observes what the person says.

    Raises:
        RefusedError: if an agent cannot answer, or the protocol breaks its word.
    """
    seen = {agent: Observation(text, raw=last.raw) for agent, last in episode.seen.items()}
    turn = await _turn(episode, None, seen, voices, draw, tell)
    return await _played(episode.after(turn), [turn])


async def _turn(
    episode: Episode,
    state: HeldState | None,
    seen: Observations,
    voices: Mapping[str, Voice],
    draw: Draw,
    tell: TellTeam,
) -> Talked:
    stage = episode.stage
    scene = Scene(stage.env, state, seen, stage.players)
    asking = Asking(voices, episode.histories, len(episode.turns), draw, tell)
    return await talked(stage.protocol.talk(scene), scene, asking)


async def _next(env: Held, state: HeldState, episode: Episode) -> HeldState | None:
    """The state that the last turn leads to; ``None`` if the episode is over."""
    transition = await to_thread(env.step, state, episode.turns[-1])
    over = transition.terminated or transition.truncated
    good = env.ends_early([env.processed(transition.reward, episode.task)], episode.task)
    return None if over or good else transition.state


async def _played(episode: Episode, turns: list[Talked]) -> Played:
    answer = await to_thread(episode.stage.env.compose, episode.task, episode.turns)
    return Played(episode, tuple(turns), answer)


def _after(history: History, observation: Observation, action: Action) -> History:
    """A history one turn later, with the tokens of its last action alone: those hold all before them."""
    earlier = tuple(replace(past, prompt_ids=(), token_ids=(), token_logprobs=()) for past in history.actions)
    return History(history.observations, earlier).after(observation, action)
