"""``check_env``: the contract test that tells a user in plain words what is wrong with an environment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from collm.env import AnyEnvironment, Split, Transition
from collm.errors import CollmError, InfrastructureError

SPLITS: tuple[Split, ...] = ("train", "test")
REPLIES = ("", "yes", "\x00\ud7ff\U0001f600 ```\n", "- 1) /fill 0 0 0", "def main():\n    return 1")


def check_env(env: AnyEnvironment, tasks_per_split: int = 2, seed: int = 0) -> None:
    """Play a few tasks with odd replies and test every promise that the protocol makes.

    Raises:
        CollmError: with one line for each broken promise.
    """
    problems = list(dict.fromkeys(_problems(env, tasks_per_split, seed)))
    if problems:
        raise CollmError(f"environment {env.type!r}", " ".join(problems), "change the methods named above.")


def _problems(env: AnyEnvironment, tasks_per_split: int, seed: int) -> Iterator[str]:
    if not env.agents or len(set(env.agents)) != len(env.agents):
        yield "agents must be a non-empty tuple of different names."
        return
    if not env.reward_range[0] <= env.reward_range[1]:
        yield "reward_range must be (lowest, highest)."
    for split in SPLITS:
        tasks = env.tasks(split)
        if not tasks:
            yield f"tasks({split!r}) is empty."
        if len({task.id for task in tasks}) != len(tasks):
            yield f"tasks({split!r}) has two tasks with one id."
        for task in tasks[:tasks_per_split]:
            if env.reset(task, seed) != env.reset(task, seed):
                yield "reset gives different states for one task and one seed."
            for reply in REPLIES:
                yield from _play(env, env.reset(task, seed), reply)


def _play(env: AnyEnvironment, state: Any, reply: str) -> Iterator[str]:
    names: frozenset[str] | None = None
    for turn in range(env.num_turns):
        before = repr(state)
        observations = env.observe(state)
        if repr(state) != before:
            yield "observe changes the state it was given."
        if not set(observations) <= set(env.agents):
            yield "observe names agents that are not in agents."
        before = repr(state)
        replies = dict.fromkeys(observations, reply)
        try:
            transition = env.step(state, replies)
        except InfrastructureError:
            raise
        except Exception as error:
            yield f"step raised {type(error).__name__}: {error} (reply {reply!r}); any text is a valid reply."
            return
        if repr(state) != before:
            yield "step changes the state it was given; return a new one."
        if not _same(transition, env.step(state, replies)):
            yield "step gives different results for the same state and replies."
        yield from _transition_problems(env, transition, turn)
        if names is not None and frozenset(transition.metrics) != names:
            yield "metrics have different names at different turns."
        names = frozenset(transition.metrics)
        if transition.terminated or transition.truncated:
            return
        state = transition.state


def _transition_problems(env: AnyEnvironment, transition: Transition[Any], turn: int) -> Iterator[str]:
    low, high = env.reward_range
    if not math.isfinite(transition.reward):
        yield f"step returned a reward of {transition.reward}."
    elif not low - 1e-9 <= transition.reward <= high + 1e-9:
        yield f"the reward {transition.reward} lies outside reward_range {low}..{high}."
    shares = {f"reward of {agent}": share for agent, share in (transition.agent_rewards or {}).items()}
    for name, value in {**transition.components, **transition.metrics, **shares}.items():
        if not math.isfinite(value):
            yield f"the measure {name!r} is {value}."
    if transition.agent_rewards is not None and set(transition.agent_rewards) != set(env.agents):
        yield "agent_rewards must name every agent."
    if turn == env.num_turns - 1 and not (transition.terminated or transition.truncated):
        yield "the episode goes on after num_turns turns."


def _same(one: Transition[Any], other: Transition[Any]) -> bool:
    def key(transition: Transition[Any]) -> tuple[Any, float, Mapping[str, float]]:
        return transition.state, transition.reward, transition.metrics

    return key(one) == key(other)
