"""``check_env``: the contract test that tells a user in plain words what is wrong with an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collm.contract.boundary import BrokenPromiseError
from collm.contract.held import Held, HeldState, hold
from collm.env import AnyEnvironment, Split, Task, Transition
from collm.errors import CollmError

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
    try:
        held = hold(env)
        low, high = held.reward_range
    except BrokenPromiseError as error:
        yield error.problem
        return
    if not low <= high:
        yield "reward_range must be (lowest, highest)."
    for split in SPLITS:
        yield from _kept(_split_problems(held, split, tasks_per_split, seed))


def _kept(problems: Iterator[str]) -> Iterator[str]:
    """Problems, the last of which may be a promise so broken that nothing can follow."""
    try:
        yield from problems
    except BrokenPromiseError as error:
        yield error.problem


def _split_problems(env: Held, split: Split, tasks_per_split: int, seed: int) -> Iterator[str]:
    tasks = env.tasks(split)
    if len({task.id for task in tasks}) != len(tasks):
        yield f"tasks({split!r}) has two tasks with one id."
    for task in tasks[:tasks_per_split]:
        if env.reset(task, seed) != env.reset(task, seed):
            yield "reset gives different states for one task and one seed."
        for reply in REPLIES:
            yield from _kept(_play(env, task, env.reset(task, seed), reply))


def _play(env: Held, task: Task, state: HeldState, reply: str) -> Iterator[str]:
    names: frozenset[str] | None = None
    reward: float | None = None
    for turn in range(env.num_turns):
        before = repr(state)
        observations = env.observe(state)
        env.global_information(turn, reward, task)
        env.global_numbers(turn, reward, task)
        if repr(state) != before:
            yield "observe changes the state it was given."
        before = repr(state)
        replies = dict.fromkeys(observations, reply)
        transition = _stepped(env, state, replies, reply)
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
        state, reward = transition.state, transition.reward


def _stepped(env: Held, state: HeldState, replies: Mapping[str, str], reply: str) -> Transition[HeldState]:
    """A step; what it raises is told with the reply that made it raise."""
    try:
        return env.step(state, replies)
    except BrokenPromiseError as error:
        if error.__cause__ is None:
            raise
        problem = f"{error.problem.removesuffix('.')} (reply {reply!r}); any text is a valid reply."
        raise BrokenPromiseError(error.where, problem, error.mend) from error.__cause__


def _transition_problems(env: Held, transition: Transition[Any], turn: int) -> Iterator[str]:
    low, high = env.reward_range
    if not low - 1e-9 <= transition.reward <= high + 1e-9:
        yield f"the reward {transition.reward} lies outside reward_range {low}..{high}."
    if transition.agent_rewards is not None and set(transition.agent_rewards) != set(env.agents):
        yield "agent_rewards names agents that are not in agents."
    if turn == env.num_turns - 1 and not (transition.terminated or transition.truncated):
        yield "the episode goes on after num_turns turns."


def _same(one: Transition[Any], other: Transition[Any]) -> bool:
    def key(transition: Transition[Any]) -> tuple[Any, float, Mapping[str, float]]:
        return transition.state, transition.reward, transition.metrics

    return key(one) == key(other)
