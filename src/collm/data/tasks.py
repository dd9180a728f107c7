"""Makes tasks of a dataset's rows; every environment with a dataset reads it through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collm.data.rows import is_file_name, load_labelled_rows
from collm.env import Split, TaskT
from collm.errors import CollmError


def load_tasks(
    dataset: str,
    parse: Callable[[Mapping[str, Any], str], TaskT],
    split: Split,
    cut: str | None,
    columns: Sequence[str] = (),
) -> list[TaskT]:
    """The tasks of ``env.dataset``, cut as ``env.train`` or ``env.test`` says.

    Args:
        dataset: a file or a hub id.
        parse: makes a task of a row and its place.
        split: which of them.
        cut: a slice, or a split of a hub dataset with or without one.
        columns: the columns that every row must have.

    Raises:
        CollmError: if the dataset or a row does not fit, or two rows of a file have one id.
    """
    rows = load_labelled_rows(dataset, "env.dataset", split=cut, columns=columns, split_where=f"env.{split}")
    tasks = [(place, parse(row, place)) for place, row in rows]
    if is_file_name(dataset):  # nobody here can mend a dataset on the hub
        _check_different(tasks)
    return [task for _, task in tasks]


def _check_different(tasks: Sequence[tuple[str, TaskT]]) -> None:
    places: dict[str, str] = {}
    for place, task in tasks:
        if task.id in places:
            problem = f"its task has the id {task.id!r}, as that of {places[task.id]}."
            raise CollmError(place, problem, "give each task an id of its own, or leave one of them out.")
        places[task.id] = place
