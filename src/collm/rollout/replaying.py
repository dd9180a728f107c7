"""Gives back the state at any history: environments are pure, so replies decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collm.contract.held import Held, HeldState, hold
from collm.env import AnyEnvironment, Task
from collm.errors import CollmError


def replay(
    env: AnyEnvironment | Held, task: Task, seed: int, actions: Sequence[Mapping[str, str]]
) -> HeldState:
    """The state that some joint actions lead to, as the environment gave it when they were first played.

    Args:
        task, seed: as the episode was reset with.
        actions: for each turn the agents' replies.

    Raises:
        CollmError: if the environment breaks its contract, or the episode ends before the last action.
        InfrastructureError: if the environment reports one.
    """
    held = hold(env)
    state = held.reset(task, seed)
    for t, replies in enumerate(actions):
        transition = held.step(state, replies)
        if transition.terminated and t + 1 < len(actions):
            problem = f"the episode ends after turn {t}, and there are actions for {len(actions)} turns."
            raise CollmError(held.place(task), problem, "replay the actions of one episode alone.")
        state = transition.state
    return state
