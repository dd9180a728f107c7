"""Plays episodes by a protocol: asks players, times each of them by itself, and steps the environment.

All episodes of a call advance together. An agent's requests of one step are one batch, and its seconds
are that batch's: what one waits for a reply when so many episodes play at once. In one process agents
would share the machine, so they are asked one after another, as if each had it for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from collm.agents.policy import Policy, Request
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment, Transition
from collm.protocols.base import PlayProtocol, Scene
from collm.protocols.episode import Episode, Message
from collm.protocols.table import Table
from collm.rollout import Reset
from collm.types import Turn

_STEP_THREADS = 8


def play(
    protocol: PlayProtocol,
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    resets: Sequence[Reset],
    greedy: bool = False,
) -> tuple[Episode, ...]:
    """One episode from each reset; with ``parallel`` they are those of a rollout of one branch.

    Args:
        protocol: how a turn goes.
        env: the environment; the protocol may play another form of it.
        policies: the players, by name.
        resets: where episodes begin.
        greedy: let players take their most likely tokens.

    Raises:
        CollmError: if the environment breaks its contract, or the protocol asks for a player that is not
            there.
    """
    stage = protocol.stage(hold(env))
    tables = [_laid(stage, reset) for reset in resets]
    game = _Game(protocol, stage, policies, greedy, protocol.turns(stage))
    try:
        with ThreadPoolExecutor(_STEP_THREADS) as threads:
            for t in range(game.turns):
                live = [table for table in tables if not table.over]
                _talk(game, live, t)
                live = [table for table in live if not table.over]
                transitions = list(threads.map(lambda table: _step(game, table), live))
                for table, transition in zip(live, transitions, strict=True):
                    if transition is not None:
                        table.close(_turn(game, table, transition, t), transition.state)
    finally:
        for policy in policies.values():
            policy.release()
    return tuple(table.episode() for table in tables)


@dataclass(frozen=True, slots=True)
class _Game:
    """What is the same for all episodes of a call."""

    protocol: PlayProtocol
    env: Held
    policies: Mapping[str, Policy]
    greedy: bool
    turns: int


def _laid(env: Held, reset: Reset) -> Table:
    """A table at which nothing was said yet."""
    table = Table(reset)
    with table.noting():
        table.state = env.reset(reset.task, reset.seed)
    return table


def _talk(game: _Game, tables: Sequence[Table], t: int) -> None:
    """Let every table talk until it has a joint action, or its infrastructure fails."""
    for table in tables:
        with table.noting():
            _open(game, table)
    step = 0
    while asking := [table for table in tables if table.asked is not None]:
        replies: dict[int, list[Message]] = {index: [] for index in range(len(asking))}
        for player in game.policies:
            those = [index for index, table in enumerate(asking) if player in (table.asked or ())]
            requests = [asking[index].request(player) for index in those]
            for index, message in zip(those, _asked(game, player, requests, t, step), strict=True):
                replies[index].append(message)
        for index, table in enumerate(asking):
            with table.noting():
                table.hear(replies[index])
        step += 1


def _open(game: _Game, table: Table) -> None:
    """Show a table's agents what they see now, and let its talk begin."""
    observed = game.env.observe(table.state)
    seen = {agent: observed[agent] for agent in game.env.agents if agent in observed}
    scene = Scene(game.env, table.state, seen, tuple(game.policies))
    table.open(game.protocol.talk(scene), seen, scene.players)


def _asked(game: _Game, player: str, requests: Sequence[Request], t: int, step: int) -> Sequence[Message]:
    """A player's replies to a batch, each with the seconds that the batch took."""
    if not requests:
        return ()
    start = perf_counter()
    replies = game.policies[player].submit(requests, game.greedy, t + 1 < game.turns).result()
    seconds = perf_counter() - start
    return [
        Message(step, player, request.observation, action, seconds)
        for request, (action,) in zip(requests, replies, strict=True)
    ]


def _step(game: _Game, table: Table) -> Transition[Any] | None:
    """Apply a table's joint action; ``None`` if the infrastructure failed, which ends its episode."""
    with table.noting():
        return game.env.step(table.state, {agent: action.text for agent, action in table.actions.items()})
    return None


def _turn(game: _Game, table: Table, transition: Transition[Any], t: int) -> Turn:
    """The turn as records have it; it is cut off where the protocol plays no further one."""
    env, task = game.env, table.reset.task
    reward = env.processed(transition.reward, task)
    terminated = transition.terminated or env.ends_early([reward], task)
    return Turn(
        t=t,
        observations=table.seen,
        joint_action=table.actions,
        reward=reward,
        raw_reward=transition.reward,
        components=transition.components,
        metrics=transition.metrics,
        terminated=terminated,
        truncated=not terminated and (transition.truncated or t + 1 == game.turns),
    )
