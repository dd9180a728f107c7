"""Calls an environment and holds it to its word: what it raises or returns wrongly is named, not passed on.

Environments may be a user's own code. The rollout and ``collm score`` reach them through here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from typing import Any

from collm.env import AnyEnvironment, Split, Task, Transition
from collm.errors import CollmError, InfrastructureError
from collm.types import Observation, Observations


def tasks(env: AnyEnvironment, split: Split) -> Sequence[Task]:
    """The tasks of a split, at least one.

    Raises:
        CollmError: if the dataset does not fit, the environment raises or there is no task.
    """
    where = f"environment {env.type!r}"
    with _blamed(f"tasks({split!r})", where, CollmError):
        found: Sequence[Task] = env.tasks(split)
    if not len(found):
        raise CollmError(where, f"there are no {split} tasks.", "add at least one.")
    return found


def reset(env: AnyEnvironment, task: Task, seed: int) -> Any:
    """The first state of an episode.

    Raises:
        CollmError: if the environment raises.
    """
    with _blamed("reset", place(env, task), CollmError):
        return env.reset(task, seed)


def observe(env: AnyEnvironment, state: Any, task: Task) -> Observations:
    """What the agents see at a state.

    Raises:
        CollmError: if the environment raises, names unknown agents or gives something else.
    """
    where = place(env, task)
    with _blamed("observe", where, CollmError):
        observations = env.observe(state)
    if not (isinstance(observations, Mapping) and observations and set(observations) <= set(env.agents)):
        mend = f"return an Observation for each of {', '.join(env.agents)} that acts now."
        raise CollmError(where, f"observe returned {observations!r}.", mend)
    for agent, observation in observations.items():
        if not isinstance(observation, Observation):
            problem = f"observe gives {agent} {observation!r}."
            raise CollmError(where, problem, "return Observation(text) for each agent.")
    return observations


def step(env: AnyEnvironment, state: Any, replies: Mapping[str, str], task: Task) -> Transition[Any]:
    """What a joint action leads to, with every number a finite ``float``.

    Raises:
        CollmError: if the environment raises, or returns no transition or a number that is not finite.
        InfrastructureError: if the environment reports one.
    """
    where = place(env, task)
    with _blamed("step", where, CollmError, InfrastructureError):
        transition = env.step(state, replies)
    if not isinstance(transition, Transition):
        raise CollmError(where, f"step returned {transition!r}.", "return a Transition.")
    shares = transition.agent_rewards
    if shares is not None and not set(env.agents) <= set(shares):
        raise CollmError(where, f"agent_rewards are {shares!r}.", "give every agent its reward, or none.")
    return replace(
        transition,
        reward=_number(transition.reward, "the reward", where),
        components=_numbers(transition.components, "component", where),
        metrics=_numbers(transition.metrics, "metric", where),
        agent_rewards=None if shares is None else _numbers(shares, "reward of", where),
    )


def place(env: AnyEnvironment, task: Task) -> str:
    """Names an environment and one of its tasks in errors."""
    return f"environment {env.type!r}, task {task.id!r}"


@contextmanager
def _blamed(method: str, where: str, *passed: type[Exception]) -> Iterator[None]:
    """Name the method and the place of every exception but those that are ``passed`` on."""
    try:
        yield
    except passed:
        raise
    except Exception as error:
        problem = f"{method} raised {type(error).__name__}: {error}."
        raise CollmError(where, problem, "correct the environment or its reward function.") from error


def _numbers(values: Mapping[str, Any], kind: str, where: str) -> dict[str, float]:
    return {name: _number(value, f"the {kind} {name}", where) for name, value in values.items()}


def _number(value: Any, name: str, where: str) -> float:
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    mend = "return a finite number from the reward function."
    raise CollmError(where, f"{name} is {value!r}.", mend)
