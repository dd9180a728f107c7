"""Deals the rows of a step to several processes, which come to the same by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from collm.models.packing import Cost
from collm.models.rows import Row, microbatches
from collm.models.teacher_forcing import forward_cost, packed_rows
from collm.types import Ids


def dealt(
    model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int, processes: int
) -> list[list[list[Row]]]:
    """The microbatches of each process, as even as rows allow; none for some if there are too few rows.

    No row that branches grows beyond an even share of all tokens: what it would save is less than
    what the others would wait.

    Args:
        samples: prompts and actions, non-empty.
        batch_tokens: of a microbatch, at most.
    """
    tokens = sum(len(prompt) + len(action) for prompt, action in samples)
    rows = packed_rows(model, samples, min(batch_tokens, -(-tokens // processes)))
    shares = shared(rows, forward_cost(model), processes)
    return [list(microbatches(share, batch_tokens)) for share in shares]


def shared(rows: Sequence[Row], cost: Cost, processes: int) -> list[list[Row]]:
    """The costliest row first, each to the process with the least to do, the first of several."""
    shares: list[list[Row]] = [[] for _ in range(processes)]
    loads = [0.0] * processes
    costs = [cost.row(len(row.tokens), row.branching) for row in rows]
    for number in sorted(range(len(rows)), key=lambda number: -costs[number]):
        least = loads.index(min(loads))
        shares[least].append(rows[number])
        loads[least] += costs[number]
    return shares


def in_step(shares: Sequence[list[list[Row]]], own: int, pad: int) -> list[list[Row]]:
    """The microbatches of one process, with empty ones at the end while others have more."""
    rounds = zip_longest(*shares)
    return [[_nothing(pad)] if (group := one[own]) is None else group for one in rounds]


def _nothing(pad: int) -> Row:
    """A row that no sample is in."""
    row = Row()
    row.append((pad,), None, -1)
    return row
