"""The members of :class:`collm.contract.held.Held` as functions, for callers that do not hold one yet."""

# ruff: noqa: D103

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from collm.contract.held import HeldState, hold
from collm.env import AnyEnvironment, Split, Task, Transition
from collm.types import Observations


def agents(env: AnyEnvironment) -> tuple[str, ...]:
    return hold(env).agents


def tasks(env: AnyEnvironment, split: Split) -> Sequence[Task]:
    return hold(env).tasks(split)


def notices(env: AnyEnvironment) -> tuple[str, ...]:
    return hold(env).notices()


def reset(env: AnyEnvironment, task: Task, seed: int) -> Any:
    return hold(env).reset(task, seed).state


def observe(env: AnyEnvironment, state: Any, task: Task) -> Observations:
    return hold(env).observe(HeldState(task, state))


def step(env: AnyEnvironment, state: Any, replies: Mapping[str, str], task: Task) -> Transition[Any]:
    transition = hold(env).step(HeldState(task, state), replies)
    return replace(transition, state=transition.state.state)


def processed(env: AnyEnvironment, reward: float, task: Task) -> float:
    return hold(env).processed(reward, task)


def ends_early(env: AnyEnvironment, rewards: Sequence[float], task: Task) -> bool:
    return hold(env).ends_early(rewards, task)


def global_information(env: AnyEnvironment, turn: int, last_reward: float | None, task: Task) -> str:
    return hold(env).global_information(turn, last_reward, task)


def place(env: AnyEnvironment, task: Task | None = None) -> str:
    return hold(env).place(task)
