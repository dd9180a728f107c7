"""Rows of tokens that go through a model together, and their microbatches.

A row is a tree of token segments: the turns of one episode follow each other in it, siblings branch
off where their histories part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from collm.types import Ids


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
