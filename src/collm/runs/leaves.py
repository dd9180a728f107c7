"""Episodes in the rows of a run: the path from the first turn to every last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def episodes_of(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """The turns of each episode, in order; trees that failed have none.

    Args:
        rows: of one update or evaluation, as :func:`collm.runs.records.turn_rows` gives them.
    """
    turns = {(row["tree"], *row["path"]): row for row in rows if "failure" not in row}
    inner = {place[:-1] for place in turns}
    for place in turns:
        if place not in inner:
            yield tuple(turns[place[:length]] for length in range(2, len(place) + 1))
