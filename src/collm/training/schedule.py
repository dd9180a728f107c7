"""Which tasks an update plays, from the seed and the update's number alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

from collm.base.seeding import derive
from collm.config.tree import TrainingConfig
from collm.env import Task
from collm.rollout import Reset


def planned_updates(config: TrainingConfig, num_tasks: int) -> int:
    """Updates that all epochs take, before ``max_updates`` ends them early."""
    return -(-config.epochs * num_tasks // config.tasks_per_update)


def resets_of(config: TrainingConfig, tasks: Sequence[Task], seed: int, update: int) -> list[Reset]:
    """The trees of one update: the next tasks of the epochs' orders, several episodes of each.

    Args:
        update: counted from 0.
    """
    first = update * config.tasks_per_update
    last = min(first + config.tasks_per_update, config.epochs * len(tasks))
    resets = []
    for position in range(first, last):
        epoch, index = divmod(position, len(tasks))
        task = tasks[_order(config, len(tasks), seed, epoch)[index]]
        resets += [Reset(task, derive(seed, "train", position, k)) for k in range(config.episodes_per_task)]
    return resets


def _order(config: TrainingConfig, num_tasks: int, seed: int, epoch: int) -> list[int]:
    order = list(range(num_tasks))
    if config.shuffle:
        random.Random(derive(seed, "order", epoch)).shuffle(order)
    return order
