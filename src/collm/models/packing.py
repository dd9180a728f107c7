"""Packs samples into rows so that a prefix that several share passes through the model once.

A row is a tree of token segments: the turns of one episode follow each other in it, siblings branch
off where their histories part. Which rows to share is found from the tokens alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of a forward pass: ``linear`` for each token, ``attention`` for each pair of tokens."""

    linear: float
    attention: float


@dataclass(frozen=True, slots=True)
class _Segment:
    """A run of tokens; ``visible`` are the column ranges before it that it attends to."""

    start: int
    end: int
    visible: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Row:
    """Tokens that go through the model together.

    Attributes:
        tokens: the ids.
        positions: each token's position in its own history.
        spans: for each sample in the row its number and the columns whose logits predict its action.
        branching: whether some token must not attend to all tokens before it.
        window: how many of the most recent tokens are seen, ``None`` for all (the paper's ``C`` pairs
            that stay in the cache, section 4.1).
    """

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    spans: list[tuple[int, list[int]]] = field(default_factory=list)
    branching: bool = False
    window: int | None = None
    _segments: list[_Segment] = field(default_factory=list)

    def append(self, tokens: Ids, segment: int | None, column: int) -> int:
        """Add tokens that continue ``segment`` after ``column``; return the new segment's number."""
        start = len(self.tokens)
        visible: tuple[tuple[int, int], ...] = ()
        first_position = 0
        if segment is not None:
            parent = self._segments[segment]
            visible = (*parent.visible, (parent.start, column + 1))
            first_position = self.positions[column] + 1
        self.branching |= column != start - 1
        self._segments.append(_Segment(start, start + len(tokens), visible))
        self.tokens.extend(tokens)
        self.positions.extend(range(first_position, first_position + len(tokens)))
        return len(self._segments) - 1

    def mask(self) -> Tensor:
        """Boolean ``"query key"``: which tokens see which."""
        size = len(self.tokens)
        visible = torch.zeros(size, size, dtype=torch.bool)
        for segment in self._segments:
            own = slice(segment.start, segment.end)
            visible[own, own] = (
                torch.ones(segment.end - segment.start, segment.end - segment.start).tril().bool()
            )
            for start, end in segment.visible:
                visible[own, start:end] = True
        if self.window is None:
            return visible
        positions = torch.tensor(self.positions)
        return visible & (positions[:, None] - positions[None, :] < self.window)

    @property
    def needs_mask(self) -> bool:
        """Whether plain causal attention would see too much."""
        return self.branching or (self.window is not None and len(self.tokens) > self.window)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a token sequence ends: a column of a segment of a row."""

    row: Row
    segment: int
    column: int


def pack(samples: Sequence[tuple[Ids, Ids]], cost: Cost, max_tokens: int) -> list[Row]:
    """Pack (prompt, action) pairs, sharing prefixes where that saves work.

    Args:
        samples: token ids; every prompt and every action is non-empty.
        cost: decides whether a shared prefix outweighs the longer row.
        max_tokens: a row that branches does not grow beyond this; 0 lets none branch.
    """
    rows: list[Row] = []
    places: dict[Ids, _Place] = {}
    for number in sorted(range(len(samples)), key=lambda index: len(samples[index][0])):
        prompt, action = samples[number]
        place = _longest_prefix(prompt, places)
        if place is None or not _worth_sharing(
            place[1], len(prompt) + len(action) - place[0], place[0], cost, max_tokens
        ):
            rows.append(Row())
            place = None
        row, known, parent = (rows[-1], 0, None) if place is None else (place[1].row, *place)
        _insert(number, prompt, action, row, known, parent, places)
    return rows


def _insert(
    number: int,
    prompt: Ids,
    action: Ids,
    row: Row,
    known: int,
    parent: _Place | None,
    places: dict[Ids, _Place],
) -> None:
    """Add what is not shared yet, note where prompt and action end and which columns predict the action."""
    origin = (None, -1) if parent is None else (parent.segment, parent.column)
    start = len(row.tokens)
    segment = row.append(prompt[known:] + action, *origin)
    first = start + len(prompt) - known
    before = first - 1 if known < len(prompt) else origin[1]
    if known < len(prompt):
        places[prompt] = _Place(row, segment, before)
    places[prompt + action] = _Place(row, segment, first + len(action) - 1)
    row.spans.append((number, [before, *range(first, first + len(action) - 1)]))


def _longest_prefix(prompt: Ids, places: dict[Ids, _Place]) -> tuple[int, _Place] | None:
    for length in sorted({len(known) for known in places if len(known) <= len(prompt)}, reverse=True):
        place = places.get(prompt[:length])
        if place is not None:
            return length, place
    return None


def _worth_sharing(place: _Place, new: int, shared: int, cost: Cost, max_tokens: int) -> bool:
    """Compare appending ``new`` tokens to the row with a row of its own for ``shared + new`` tokens."""
    size = len(place.row.tokens)
    if not place.row.branching and place.column == size - 1:
        return True
    if size + new > max_tokens:
        return False
    together = cost.linear * new + cost.attention * ((size + new) ** 2 - size**2)
    apart = cost.linear * (shared + new) + cost.attention * (shared + new) ** 2 / 2
    return together < apart


def microbatches(rows: Sequence[Row], max_tokens: int) -> Iterator[list[Row]]:
    """Group rows of similar length so that each group has at most ``max_tokens`` with padding."""
    group: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row.tokens)):
        if group and len(group[0].tokens) * (len(group) + 1) > max_tokens:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
