"""What is checked before a run touches the disk: the tasks, a trial episode, whether the agents can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collm.agents.policy import Actions, Request
from collm.agents.team import Team
from collm.algorithms.base import CriticView
from collm.contract.held import Held, hold
from collm.engines.base import Deferred
from collm.env import AnyEnvironment, Task
from collm.errors import CollmError
from collm.rollout import Reset, rollout
from collm.types import Action, Tree

_COUNTED = "update env_steps episodes inference_calls tokens seconds failures optimizer_steps name"
_TIMED = "rollout_seconds learn_seconds tokens_per_second peak_memory_gib"
_BONUS = "bonus information_low information_high"
_MEASURED = "return_mean return_std reward_mean raw_reward_mean turns_mean"
_LOGGED = frozenset(f"{_COUNTED} {_TIMED} {_BONUS} {_MEASURED}".split())
"""Keys of ``metrics.jsonl`` and ``evaluations.jsonl`` that every run has."""


class _Silent:
    """A policy that says nothing."""

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        return Deferred(lambda: [(Action(""),) * len(request.seeds) for request in requests])

    def release(self) -> None:
        pass


def check_tasks(env: AnyEnvironment | Held, warn: Callable[[str], None]) -> tuple[Sequence[Task], Tree]:
    """Read both splits and play the first training task with empty replies.

    Args:
        env: the environment.
        warn: called with one line if training and test tasks overlap, or the infrastructure broke.

    Returns:
        The training tasks and the trial episode.

    Raises:
        CollmError: if a dataset does not fit or the environment breaks its contract.
    """
    held = hold(env)
    train, test = held.tasks("train"), held.tasks("test")
    shared = {task.id for task in train} & {task.id for task in test}
    if shared:
        warn(f"Mind: {len(shared)} of {len(test)} test tasks are training tasks too.")
    silent = dict.fromkeys(held.agents, _Silent())
    (trial,) = rollout(held, silent, [Reset(train[0], 0)]).trees
    if trial.failure is not None:
        warn(f"Mind: the trial episode failed: {trial.failure}. So it shows less of what would go wrong.")
    _check_metrics(held, trial)
    return train, trial


def _check_metrics(env: Held, trial: Tree) -> None:
    """Test that no metric of the environment would overwrite a key of the logs."""
    taken = sorted({name for turn in trial.turns for name in turn.metrics} & _LOGGED)
    if taken:
        problem = f"the metric {taken[0]!r} has the name of a key of the logs."
        raise CollmError(env.place(), problem, "give it another name in step.")


def check_reading(team: Team, critics: Mapping[str, CriticView], trial: Tree) -> None:
    """Let every agent, critic and mixer read the trial episode, if it came to a turn.

    Raises:
        CollmError: if one cannot read it, as :meth:`collm.agents.agent.Agent.check_reads` tells.
    """
    if not trial.turns:
        return
    for name, agent in team.agents.items():
        seen = [turn.observations[name] for turn in trial.turns if name in turn.observations]
        if seen:
            agent.check_reads(seen, f"task {trial.task.id!r}")
    for name, critic in team.critics.items():
        critic.check_reads(trial, critics[name])
    for mixer in team.mixers.values():
        mixer.check_reads(trial)
