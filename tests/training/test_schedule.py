from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.config.tree import TrainingConfig
from collm.rollout import Reset
from collm.training.schedule import planned_updates, resets_of


@dataclass(frozen=True)
class Named:
    id: str


TASKS = [Named(str(number)) for number in range(5)]


def config(**settings: int | bool) -> TrainingConfig:
    return TrainingConfig.model_validate(settings)


def names(resets: list[Reset]) -> list[str]:
    return [reset.task.id for reset in resets]


@pytest.mark.parametrize(
    ("epochs", "tasks", "at_once", "updates"),
    [(1, 5, 1, 5), (1, 5, 2, 3), (2, 5, 5, 2), (3, 5, 4, 4), (1, 3, 9, 1)],
)
def test_planned_updates_cover_all_epochs(epochs: int, tasks: int, at_once: int, updates: int) -> None:
    assert planned_updates(config(epochs=epochs, tasks_per_update=at_once), tasks) == updates


@given(st.integers(1, 4), st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_every_epoch_plays_every_task_once(epochs: int, at_once: int, shuffle: bool, seed: int) -> None:
    settings = config(epochs=epochs, tasks_per_update=at_once, shuffle=shuffle)
    updates = planned_updates(settings, len(TASKS))
    played = [name for u in range(updates) for name in names(resets_of(settings, TASKS, seed, u))]
    assert len(played) == epochs * len(TASKS)
    for epoch in range(epochs):
        assert sorted(played[epoch * 5 : epoch * 5 + 5]) == list("01234")


def test_without_shuffling_tasks_keep_their_order_across_epochs() -> None:
    settings = config(epochs=2, tasks_per_update=3, shuffle=False)
    assert [names(resets_of(settings, TASKS, 0, update)) for update in range(4)] == [
        ["0", "1", "2"],
        ["3", "4", "0"],
        ["1", "2", "3"],
        ["4"],
    ]


def test_shuffled_orders_differ_by_epoch_and_seed_and_repeat() -> None:
    settings = config(epochs=4, tasks_per_update=5)
    orders = [tuple(names(resets_of(settings, TASKS, seed, u))) for seed in (0, 1) for u in range(4)]
    assert len(set(orders)) > 5
    assert orders[:4] == [tuple(names(resets_of(settings, TASKS, 0, u))) for u in range(4)]


def test_episodes_of_a_task_have_seeds_of_their_own() -> None:
    settings = config(epochs=2, tasks_per_update=2, episodes_per_task=3, shuffle=False)
    resets = [reset for update in range(5) for reset in resets_of(settings, TASKS, 0, update)]
    assert len({reset.seed for reset in resets}) == len(resets) == 30
    assert Counter(names(resets)) == dict.fromkeys("01234", 6)
    assert resets != [reset for update in range(5) for reset in resets_of(settings, TASKS, 1, update)]


def test_seeds_do_not_depend_on_how_tasks_are_grouped() -> None:
    one = config(epochs=1, tasks_per_update=1)
    five = config(epochs=1, tasks_per_update=5)
    singly = [reset for update in range(5) for reset in resets_of(one, TASKS, 7, update)]
    assert singly == resets_of(five, TASKS, 7, 0)
