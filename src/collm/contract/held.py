"""An environment held to its word: inside the library every call of one goes through :class:`Held`.

An environment may be a user's own code. What it raises or gives wrongly is named with the environment
and the task, by :mod:`collm.contract.boundary` and :mod:`collm.contract.promises`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from collm.contract.boundary import BrokenPromiseError, boundary
from collm.contract.patience import HangingError, within
from collm.contract.promises import (
    agents_of,
    lines_of,
    number_of,
    observation_of,
    observations_of,
    range_of,
    task_of,
    tasks_of,
    text_of,
    transition_of,
)
from collm.env import AnyEnvironment, Split, Task, Transition
from collm.errors import InfrastructureError
from collm.types import Observation, Observations


@dataclass(frozen=True, slots=True)
class HeldState:
    """A state of an environment with the task that it belongs to, so that errors can name it."""

    task: Task
    state: Any


@dataclass(frozen=True, slots=True)
class Held:
    """The members of an :class:`collm.env.Environment`; each keeps the protocol or says what is broken.

    All of them raise a :class:`collm.errors.CollmError` if the environment raises or gives something that
    the protocol does not allow. Made by :func:`hold`.

    Attributes:
        env: the environment itself.
        agents: the agents' names, checked once.
    """

    env: AnyEnvironment
    agents: tuple[str, ...]

    @property
    def type(self) -> str:
        return self.env.type

    @property
    def num_turns(self) -> int:
        return self.env.num_turns

    @property
    def headline(self) -> tuple[str, ...]:
        return self.env.headline

    @property
    def reward_range(self) -> tuple[float, float]:
        """The lowest and the highest raw reward; either may be infinite."""
        with boundary("reward_range", self.place()):
            return range_of(self.env.reward_range, self.place())

    def tasks(self, split: Split) -> Sequence[Task]:
        """The tasks of a split, at least one."""
        with boundary(f"tasks({split!r})", self.place()):
            return tasks_of(self.env.tasks(split), split, self.place())

    def parse_task(self, row: Mapping[str, Any], where: str) -> Task:
        """The task that a row describes; ``where`` names the row."""
        place = f"{self.place()}, {where}"
        with boundary("parse_task", place):
            return task_of(self.env.parse_task(row, where), "parse_task", place)

    def notices(self) -> tuple[str, ...]:
        """Lines that a person should read before the environment runs.

        Raises:
            InfrastructureError: if it cannot run here.
        """
        with boundary("notices", self.place(), InfrastructureError):
            return lines_of(self.env.notices(), self.place())

    def task_of(self, text: str) -> Task:
        """The task that a person's plain text is."""
        with boundary("task_of", self.place()):
            return task_of(self.env.task_of(text), "task_of", self.place())

    def has_reference(self, task: Task) -> bool:
        """Whether ``step`` can tell how good replies to the task are."""
        with boundary("has_reference", self.place(task)):
            return bool(self.env.has_reference(task))

    def compose(self, task: Task, turns: Sequence[Mapping[str, str]]) -> str:
        """The joint answer that the replies of a task's turns amount to."""
        where = self.place(task)
        with boundary("compose", where):
            return text_of(self.env.compose(task, turns), "compose", where)

    def reset(self, task: Task, seed: int) -> HeldState:
        """The first state of an episode.

        Raises:
            InfrastructureError: if the environment reports one, or takes longer than its ``step_seconds``.
        """
        where = self.place(task)
        with boundary("reset", where, InfrastructureError):
            return HeldState(task, self._awaited("reset", where, partial(self.env.reset, task, seed)))

    def observe(self, state: HeldState) -> Observations:
        """What the agents see at a state.

        Raises:
            InfrastructureError: as :meth:`reset`.
        """
        where = self.place(state.task)
        with boundary("observe", where, InfrastructureError):
            seen = self._awaited("observe", where, partial(self.env.observe, state.state))
            return observations_of(seen, self.agents, where)

    def observe_replies(self, state: HeldState, agent: str, replies: Mapping[str, str]) -> Observation | None:
        """What an agent reads once it is shown replies of the turn; ``None``: neutral words.

        Raises:
            InfrastructureError: if the environment reports one.
        """
        where = self.place(state.task)
        with boundary("observe_replies", where, InfrastructureError):
            seen = self.env.observe_replies(state.state, agent, replies)
            return None if seen is None else observation_of(seen, "observe_replies", agent, where)

    def for_one_agent(self) -> Held | None:
        """The environment's form for one agent, ``None`` if it has none."""
        with boundary("for_one_agent", self.place()):
            lone = self.env.for_one_agent()
            return None if lone is None else _lone(hold(lone), self.place())

    def step(self, state: HeldState, replies: Mapping[str, str]) -> Transition[HeldState]:
        """What a joint action leads to, every number a finite ``float``.

        Raises:
            InfrastructureError: as :meth:`reset`.
        """
        where, step = self.place(state.task), partial(self.env.step, state.state, replies)
        with boundary("step", where, InfrastructureError):
            returned = self._awaited("step", where, step)
            transition = transition_of(returned, self.agents, where)
        return replace(transition, state=HeldState(state.task, transition.state))

    def _awaited(self, method: str, where: str, call: Callable[[], Any]) -> Any:
        """What a call gives within the environment's ``step_seconds``."""
        try:
            return within(self.env.step_seconds, call)
        except HangingError as error:
            raise InfrastructureError(f"{where}: {method} {error} (env.step_seconds)") from None

    def processed(self, reward: float, task: Task | None = None) -> float:
        """A reward as algorithms see it; ``task`` is named in errors."""
        where = self.place(task)
        mend = "make env.reward_scale and env.reward_shift smaller."
        with boundary("processed", where):
            name = f"after scale and shift the reward {reward:g}"
            return number_of(self.env.processed(reward), name, where, mend)

    def ends_early(self, rewards: Sequence[float], task: Task | None = None) -> bool:
        """Whether processed rewards of siblings are good enough to stop; ``task`` is named in errors."""
        with boundary("ends_early", self.place(task)):
            return bool(self.env.ends_early(rewards))

    def global_information(self, turn: int, last_reward: float | None, task: Task | None = None) -> str:
        """What only critics see; ``task`` is named in errors."""
        where = self.place(task)
        with boundary("global_information", where):
            return text_of(self.env.global_information(turn, last_reward), "global_information", where)

    def global_numbers(
        self, turn: int, last_reward: float | None, task: Task | None = None
    ) -> tuple[float, ...]:
        """What only small networks beside critics see; ``task`` is named in errors."""
        where, mend = self.place(task), "return a tuple of finite numbers."
        with boundary("global_numbers", where):
            given = self.env.global_numbers(turn, last_reward)
            return tuple(number_of(one, "one of the global_numbers", where, mend) for one in given)

    def place(self, task: Task | None = None) -> str:
        """Names the environment and one of its tasks in errors."""
        name = f"environment {self.env.type!r}"
        return name if task is None else f"{name}, task {task.id!r}"


def hold(env: AnyEnvironment | Held) -> Held:
    """The environment, held to its word; one that is held already is returned as it is.

    Raises:
        CollmError: if it raises when asked for its agents, or they are no different names.
    """
    if isinstance(env, Held):
        return env
    where = f"environment {env.type!r}"
    with boundary("agents", where):
        return Held(env, agents_of(env.agents, where))


def _lone(held: Held, where: str) -> Held:
    """An environment that has one agent."""
    if len(held.agents) != 1:
        problem = f"for_one_agent gives an environment for {', '.join(held.agents)}."
        raise BrokenPromiseError(where, problem, "return one with a single agent, or None.")
    return held
