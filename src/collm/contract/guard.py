"""Calls an environment and holds it to its word: what it raises or returns wrongly is named, not passed on.

Environments may be a user's own code. The rollout and ``collm score`` reach them through here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from typing import Any

from collm.base.values import LARGEST, finite, shown
from collm.env import AnyEnvironment, Split, Task, Transition
from collm.errors import RAISED, CollmError, InfrastructureError
from collm.types import Observation, Observations


class BrokenPromiseError(CollmError):
    """An environment raised, or gave something that the protocol does not allow."""


def agents(env: AnyEnvironment) -> tuple[str, ...]:
    """The agents' names.

    Raises:
        CollmError: if the environment raises, or they are no different texts.
    """
    where = place(env)
    with _blamed("agents", where, CollmError):
        found = env.agents
    names = _is_list(found) and all(isinstance(name, str) and name for name in found)
    if not (names and found and len(set(found)) == len(found)):
        problem = f"agents is {shown(found)}, not a non-empty tuple of different names."
        raise BrokenPromiseError(where, problem, "return one, such as ('writer', 'reader').")
    return tuple(found)


def reward_range(env: AnyEnvironment) -> tuple[float, float]:
    """The lowest and the highest raw reward; either may be infinite.

    Raises:
        CollmError: if the environment raises or gives no two numbers.
    """
    where = place(env)
    with _blamed("reward_range", where, CollmError):
        found = env.reward_range
    if not (_is_list(found) and len(found) == 2 and all(isinstance(bound, Real) for bound in found)):
        problem = f"reward_range is {shown(found)}, not two numbers."
        raise BrokenPromiseError(where, problem, "return (lowest, highest).")
    return found[0], found[1]


def tasks(env: AnyEnvironment, split: Split) -> Sequence[Task]:
    """The tasks of a split, at least one.

    Raises:
        CollmError: if the dataset does not fit, the environment raises or gives no tasks.
    """
    where, method = place(env), f"tasks({split!r})"
    with _blamed(method, where, CollmError):
        found: Sequence[Task] = env.tasks(split)
    if not _is_list(found):
        raise BrokenPromiseError(where, f"{method} returned {shown(found)}.", "return a list of tasks.")
    if not len(found):
        raise BrokenPromiseError(where, f"there are no {split} tasks.", "add at least one.")
    for task in found:
        _check_named(task, method, where)
    return found


def parse_task(env: AnyEnvironment, row: Mapping[str, Any], where: str) -> Task:
    """The task that a row describes; ``where`` names the row.

    Raises:
        CollmError: if the row does not fit, the environment raises or gives no task.
    """
    named = f"{place(env)}, {where}"
    with _blamed("parse_task", named, CollmError):
        task: Task = env.parse_task(row, where)
    _check_named(task, "parse_task", named)
    return task


def notices(env: AnyEnvironment) -> tuple[str, ...]:
    """Lines that a person should read before the environment runs.

    Raises:
        CollmError: if the environment raises or gives something else.
        InfrastructureError: if it cannot run here.
    """
    with _blamed("notices", place(env), CollmError, InfrastructureError):
        lines = env.notices()
    if not (_is_list(lines) and all(isinstance(line, str) for line in lines)):
        problem = f"notices returned {shown(lines)}."
        raise BrokenPromiseError(place(env), problem, "return a tuple of texts.")
    return tuple(lines)


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
    where, names = place(env, task), agents(env)
    with _blamed("observe", where, CollmError):
        observations = env.observe(state)
    mend = f"return an Observation for each of {', '.join(names)} that acts now."
    if not (isinstance(observations, Mapping) and observations):
        raise BrokenPromiseError(where, f"observe returned {shown(observations)}.", mend)
    if not set(observations) <= set(names):
        problem = f"observe returned {shown(observations)}, with agents that are not in agents."
        raise BrokenPromiseError(where, problem, mend)
    for agent, observation in observations.items():
        if not _is_readable(observation):
            problem = f"observe gives {agent} {shown(observation)}."
            mend = "return Observation(text) for each agent, with a text that is not empty if it is raw."
            raise BrokenPromiseError(where, problem, mend)
    return observations


def step(env: AnyEnvironment, state: Any, replies: Mapping[str, str], task: Task) -> Transition[Any]:
    """What a joint action leads to, as :func:`sound` gives it.

    Raises:
        CollmError: if the environment raises, or returns no transition or a number that is not finite.
        InfrastructureError: if the environment reports one.
    """
    with _blamed("step", place(env, task), CollmError, InfrastructureError):
        transition = env.step(state, replies)
    return sound(env, transition, task)


def sound(env: AnyEnvironment, transition: Any, task: Task) -> Transition[Any]:
    """A transition with every number a finite ``float``.

    Raises:
        CollmError: if it is no transition, or one of its numbers is none.
    """
    where = place(env, task)
    if not isinstance(transition, Transition):
        raise BrokenPromiseError(where, f"step returned {shown(transition)}.", "return a Transition.")
    shares = transition.agent_rewards
    if shares is not None and not (isinstance(shares, Mapping) and set(agents(env)) <= set(shares)):
        problem = f"agent_rewards are {shown(shares)}, not a number for every agent."
        raise BrokenPromiseError(where, problem, "give every agent its reward, or none.")
    return replace(
        transition,
        reward=_number(transition.reward, "the reward", where),
        components=_numbers(transition.components, "component", where),
        metrics=_numbers(transition.metrics, "metric", where),
        agent_rewards=None if shares is None else _numbers(shares, "reward of", where),
        terminated=bool(transition.terminated),
        truncated=bool(transition.truncated),
    )


def processed(env: AnyEnvironment, reward: float, task: Task) -> float:
    """A reward as algorithms see it.

    Raises:
        CollmError: if the environment raises, or scale and shift make it too large.
    """
    where = place(env, task)
    with _blamed("processed", where, CollmError):
        value = env.processed(reward)
    mend = "make env.reward_scale and env.reward_shift smaller."
    return _number(value, f"after scale and shift the reward {reward:g}", where, mend)


def ends_early(env: AnyEnvironment, rewards: Sequence[float], task: Task) -> bool:
    """Whether processed rewards of siblings are good enough to stop.

    Raises:
        CollmError: if the environment raises.
    """
    with _blamed("ends_early", place(env, task), CollmError):
        return bool(env.ends_early(rewards))


def global_information(env: AnyEnvironment, turn: int, last_reward: float | None, task: Task) -> str:
    """What only critics see.

    Raises:
        CollmError: if the environment raises or gives no text.
    """
    where = place(env, task)
    with _blamed("global_information", where, CollmError):
        text = env.global_information(turn, last_reward)
    if not isinstance(text, str):
        raise BrokenPromiseError(where, f"global_information returned {shown(text)}.", "return a text.")
    return text


def place(env: AnyEnvironment, task: Task | None = None) -> str:
    """Names an environment and one of its tasks in errors."""
    name = f"environment {env.type!r}"
    return name if task is None else f"{name}, task {task.id!r}"


@contextmanager
def _blamed(method: str, where: str, *passed: type[Exception]) -> Iterator[None]:
    """Name the method and the place of every exception but those that are ``passed`` on."""
    try:
        yield
    except passed:
        raise
    except RAISED as error:
        problem = f"{method} raised {type(error).__name__}: {error}."
        mend = "correct the environment or its reward function."
        raise BrokenPromiseError(where, problem, mend) from error


def _is_list(value: Any) -> bool:
    """Whether a value can be counted and cut, as a list or a tuple can; a text is none."""
    return (
        hasattr(value, "__len__") and hasattr(value, "__getitem__") and not isinstance(value, str | Mapping)
    )


def _check_named(task: Any, method: str, where: str) -> None:
    with _blamed(f"the id of a task of {method}", where):
        name = getattr(task, "id", None)
    if not isinstance(name, str):
        mend = "return tasks with an id that is a text."
        raise BrokenPromiseError(where, f"{method} gives the task {shown(task)} without an id.", mend)


def _is_readable(observation: Any) -> bool:
    if not isinstance(observation, Observation) or not isinstance(observation.text, str):
        return False
    return isinstance(observation.system, str | None) and bool(observation.text or not observation.raw)


def _numbers(values: Any, kind: str, where: str) -> dict[str, float]:
    if not (isinstance(values, Mapping) and all(isinstance(name, str) for name in values)):
        problem = f"the {kind}s of step are {shown(values)}."
        raise BrokenPromiseError(where, problem, "return a dict of numbers by name, or leave it out.")
    return {name: _number(value, f"the {kind} {name}", where) for name, value in values.items()}


def _number(value: Any, name: str, where: str, mend: str = "") -> float:
    number = finite(value)
    if number is None:
        mend = mend or f"return a finite number, at most {LARGEST:.1e}, from step or the reward function."
        raise BrokenPromiseError(where, f"{name} is {shown(value)}.", mend)
    return number
