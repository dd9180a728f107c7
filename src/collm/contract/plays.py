"""Plays written replies against an environment with no model at all: ``collm score``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collm.contract.held import Held, hold
from collm.data.checks import check_row
from collm.env import AnyEnvironment
from collm.errors import CollmError

SEED = 0


def score_plays(env: AnyEnvironment, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Score JSON lines ``{"task": row, "turns": [{agent: reply}, ...]}``; one row for every turn played.

    An agent without a reply says nothing. Turns after the episode has terminated are not played.

    Raises:
        CollmError: naming the line, if it is not such an object.
    """
    held = hold(env)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield from _score_play(held, _parse(line, f"line {number}"), f"line {number}")


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        play = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CollmError(where, f"not valid JSON: {error}.", "write one object a line.") from None
    if not isinstance(play, dict) or not isinstance(play.get("task"), dict):
        raise CollmError(f"{where}: task", "no task.", 'write {"task": {...}, "turns": [...]}.')
    turns = play.get("turns")
    check_row(play["task"], f"{where}: task")
    check_row(turns, f"{where}: turns")
    if not isinstance(turns, list) or not all(_is_replies(turn) for turn in turns):
        mend = 'write a list with {"agent id": "reply text", ...} for each turn.'
        raise CollmError(f"{where}: turns", "missing or not readable.", mend)
    return play


def _is_replies(turn: Any) -> bool:
    return isinstance(turn, dict) and all(isinstance(reply, str) for reply in turn.values())


def _score_play(env: Held, play: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    task = env.parse_task(play["task"], f"{where}: task")
    state = env.reset(task, SEED)
    for index, replies in enumerate(play["turns"]):
        acting = env.observe(state)
        unknown = sorted(set(replies) - set(acting))
        if unknown:
            mend = f"the agents at this turn are {', '.join(acting)}."
            raise CollmError(f"{where}: turns[{index}].{unknown[0]}", "no such agent.", mend)
        transition = env.step(state, {agent: replies.get(agent, "") for agent in acting})
        reward = env.processed(transition.reward, task)
        terminated = transition.terminated or env.ends_early([reward], task)
        yield {
            "task": task.id,
            "turn": index,
            "raw_reward": transition.reward,
            "reward": reward,
            "components": dict(transition.components),
            "metrics": dict(transition.metrics),
            "terminated": terminated,
        }
        if terminated or transition.truncated:
            return
        state = transition.state
