"""What agents said in an evaluation, as a table for people who look at runs in a tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

COLUMNS = ("update", "task", "turn", "agent", "observation", "reply", "reward", "finish_reason")

Completion = tuple[Any, ...]
"""A value for each of the columns."""


def completions_of(rows: Iterable[Mapping[str, Any]], update: int, limit: int) -> list[Completion]:
    """The first replies of an evaluation; the first episodes whole, in the order they were written.

    Args:
        rows: as :func:`collm.runs.records.turn_rows` gives them.
        update: after which the team was evaluated.
        limit: how many replies at most.
    """
    return list(islice(_completions(rows, update), limit))


def _completions(rows: Iterable[Mapping[str, Any]], update: int) -> Iterator[Completion]:
    for row in rows:
        if "failure" in row:
            continue
        for agent, reply in row["replies"].items():
            yield (
                update,
                row["task"],
                row["turn"],
                agent,
                row["observations"][agent],
                reply,
                row["reward"] if row["agent_rewards"] is None else row["agent_rewards"][agent],
                row["finish_reasons"][agent],
            )
