"""What is checked before a run touches the disk: the tasks, a trial episode, whether the agents can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collm import guard
from collm.agents.agent import History, Reply, Request
from collm.agents.views import critic_view
from collm.env import AnyEnvironment, Task
from collm.rollout import Start, rollout
from collm.training.team import Team
from collm.types import Action, Tree


class _Silent:
    """A policy that says nothing."""

    def sample(self, requests: Sequence[Request], greedy: bool = False) -> list[tuple[Reply, ...]]:
        return [(Reply(Action(""), History()),) * len(request.seeds) for request in requests]


def check_tasks(env: AnyEnvironment, warn: Callable[[str], None]) -> tuple[Sequence[Task], Tree]:
    """Read both splits and play the first training task with empty replies.

    Args:
        env: the environment.
        warn: called with one line if training and test tasks overlap.

    Returns:
        The training tasks and the trial episode.

    Raises:
        CollmError: if a dataset does not fit or the environment breaks its contract.
    """
    train, test = guard.tasks(env, "train"), guard.tasks(env, "test")
    shared = {task.id for task in train} & {task.id for task in test}
    if shared:
        warn(f"Mind: {len(shared)} of {len(test)} test tasks are training tasks too.")
    silent = dict.fromkeys(guard.agents(env), _Silent())
    (trial,) = rollout(env, silent, [Start(train[0], 0)]).trees
    return train, trial


def check_reading(team: Team, trial: Tree) -> None:
    """Let every agent and critic encode the trial episode.

    Raises:
        CollmError: if one cannot read it, as :meth:`collm.agents.agent.Agent.check_reads` tells.
    """
    for name, agent in team.agents.items():
        seen = [turn.observations[name] for turn in trial.turns() if name in turn.observations]
        if seen:
            agent.check_reads(seen, f"task {trial.task_id!r}")
    for name, critic in team.critics.items():
        for episode in trial.episodes():
            critic.check_reads(critic_view(name, episode, critic.config.global_information))
