"""What the methods of an environment may give; each function returns it as plain data, or names the fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, TypeVar

from collm.base.values import LARGEST, finite, shown
from collm.contract.boundary import BrokenPromiseError
from collm.env import Task, Transition
from collm.types import Observation, Observations

ListT = TypeVar("ListT", bound=Sequence[Any])


def agents_of(given: Any, where: str) -> tuple[str, ...]:
    """A non-empty tuple of different names."""
    names = _is_list(given) and all(isinstance(name, str) and name for name in given)
    if not (names and given and len(set(given)) == len(given)):
        problem = f"agents is {shown(given)}, not a non-empty tuple of different names."
        raise BrokenPromiseError(where, problem, "return one, such as ('writer', 'reader').")
    return tuple(given)


def range_of(given: Any, where: str) -> tuple[float, float]:
    """Two numbers, either of which may be infinite."""
    if not (_is_list(given) and len(given) == 2 and all(isinstance(bound, Real) for bound in given)):
        problem = f"reward_range is {shown(given)}, not two numbers."
        raise BrokenPromiseError(where, problem, "return (lowest, highest).")
    return given[0], given[1]


def tasks_of(given: ListT, split: str, where: str) -> ListT:
    """At least one task, each with an id."""
    method = f"tasks({split!r})"
    if not _is_list(given):
        raise BrokenPromiseError(where, f"{method} returned {shown(given)}.", "return a list of tasks.")
    if not len(given):
        raise BrokenPromiseError(where, f"there are no {split} tasks.", "add at least one.")
    for task in given:
        task_of(task, method, where)
    return given


def task_of(given: Any, method: str, where: str) -> Task:
    """A record whose id is a text."""
    if not isinstance(getattr(given, "id", None), str):
        mend = "return tasks with an id that is a text."
        raise BrokenPromiseError(where, f"{method} gives the task {shown(given)} without an id.", mend)
    task: Task = given
    return task


def lines_of(given: Any, where: str) -> tuple[str, ...]:
    """A tuple of texts."""
    if not (_is_list(given) and all(isinstance(line, str) for line in given)):
        raise BrokenPromiseError(where, f"notices returned {shown(given)}.", "return a tuple of texts.")
    return tuple(given)


def text_of(given: Any, method: str, where: str) -> str:
    """A text."""
    if not isinstance(given, str):
        raise BrokenPromiseError(where, f"{method} returned {shown(given)}.", "return a text.")
    return given


def observations_of(given: Any, agents: Sequence[str], where: str) -> Observations:
    """Something to read for at least one of the agents, and for nobody else."""
    mend = f"return an Observation for each of {', '.join(agents)} that acts now."
    if not (isinstance(given, Mapping) and given):
        raise BrokenPromiseError(where, f"observe returned {shown(given)}.", mend)
    if not set(given) <= set(agents):
        problem = f"observe returned {shown(given)}, with agents that are not in agents."
        raise BrokenPromiseError(where, problem, mend)
    for agent, observation in given.items():
        observation_of(observation, "observe", agent, where)
    return given


def observation_of(given: Any, method: str, agent: str, where: str) -> Observation:
    """Something to read."""
    if not _is_readable(given):
        mend = "return Observation(text) for each agent, with a text that is not empty if it is raw."
        raise BrokenPromiseError(where, f"{method} gives {agent} {shown(given)}.", mend)
    observation: Observation = given
    return observation


def transition_of(given: Any, agents: Sequence[str], where: str) -> Transition[Any]:
    """A transition with every number a finite ``float``."""
    if not isinstance(given, Transition):
        raise BrokenPromiseError(where, f"step returned {shown(given)}.", "return a Transition.")
    shares = given.agent_rewards
    if shares is not None and not (isinstance(shares, Mapping) and set(agents) <= set(shares)):
        problem = f"agent_rewards are {shown(shares)}, not a number for every agent."
        raise BrokenPromiseError(where, problem, "give every agent its reward, or none.")
    return replace(
        given,
        reward=number_of(given.reward, "the reward", where),
        components=_numbers(given.components, "component", where),
        metrics=_numbers(given.metrics, "metric", where),
        agent_rewards=None if shares is None else _numbers(shares, "reward of", where),
        terminated=bool(given.terminated),
        truncated=bool(given.truncated),
    )


def number_of(given: Any, name: str, where: str, mend: str = "") -> float:
    """A finite number; ``name`` and ``mend`` are for the error."""
    number = finite(given)
    if number is None:
        mend = mend or f"return a finite number, at most {LARGEST:.1e}, from step or the reward function."
        raise BrokenPromiseError(where, f"{name} is {shown(given)}.", mend)
    return number


def _numbers(given: Any, kind: str, where: str) -> dict[str, float]:
    if not (isinstance(given, Mapping) and all(isinstance(name, str) for name in given)):
        mend = "return a dict of numbers by name, or leave it out."
        raise BrokenPromiseError(where, f"the {kind}s of step are {shown(given)}.", mend)
    return {name: number_of(value, f"the {kind} {name}", where) for name, value in given.items()}


def _is_list(value: Any) -> bool:
    """Whether a value can be counted and cut, as a list or a tuple can; a text is none."""
    return (
        hasattr(value, "__len__") and hasattr(value, "__getitem__") and not isinstance(value, str | Mapping)
    )


def _is_readable(observation: Any) -> bool:
    if not isinstance(observation, Observation) or not isinstance(observation.text, str):
        return False
    return isinstance(observation.system, str | None) and bool(observation.text or not observation.raw)
