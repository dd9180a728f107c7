"""Packs samples into rows so that a prefix that several share passes through the model once.

What can be shared is found from the tokens alone: prompts and actions are the places of a tree, each
below the longest one that it begins with. What is worth sharing is a matter of cost: a long row saves
tokens, but each of them is weighed against all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from collm.models.rows import Row
from collm.types import Ids

Samples = Sequence[tuple[Ids, Ids]]
"""Pairs of prompt and action, both non-empty."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of a forward pass: ``linear`` for each token, ``attention`` for each pair of tokens."""

    linear: float
    attention: float

    def row(self, tokens: int, branching: bool) -> float:
        """Of a row; one that does not branch takes the causal path, which leaves half of the pairs out."""
        return self.linear * tokens + self.attention * tokens**2 * (1.0 if branching else 0.5)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where samples begin and end, as a forest: ends have the samples' numbers, other prompts follow.

    Attributes:
        parents: for each place the one that it continues, ``None`` where nothing is before it.
        depths: how many tokens lead to it.
        origins: for each sample the place of its prompt.
    """

    parents: list[int | None]
    depths: list[int]
    origins: list[int]


@dataclass(frozen=True, slots=True, order=True)
class _Draft:
    """A row to be: how long, whether it branches, and the samples in it."""

    tokens: int
    branching: bool
    samples: tuple[int, ...]


def pack(samples: Samples, cost: Cost, max_tokens: int) -> list[Row]:
    """Pack (prompt, action) pairs, sharing prefixes where that saves work; near linear in all tokens.

    Args:
        samples: token ids; every prompt and every action is non-empty.
        cost: decides whether a shared prefix outweighs the longer row.
        max_tokens: a row that branches does not grow beyond this; 0 lets none branch.
    """
    places = _places(samples)
    drafts = _drafts(places, len(samples), cost, max_tokens)
    chosen = [_in_order(draft.samples, samples) for draft in drafts]
    chosen.sort(key=lambda numbers: _rank(numbers[0], samples))
    return [_row(numbers, samples, places) for numbers in chosen]


def _rank(number: int, samples: Samples) -> tuple[int, int]:
    return len(samples[number][0]), number


def _in_order(numbers: Iterable[int], samples: Samples) -> list[int]:
    """Those with short prompts first, so that all come after what they continue."""
    return sorted(numbers, key=lambda number: _rank(number, samples))


def _places(samples: Samples) -> _Places:
    """The tree of all prompts and ends of actions."""
    by_tokens: dict[Ids, int] = {}
    for number in _in_order(range(len(samples)), samples):
        by_tokens[samples[number][0] + samples[number][1]] = number
    depths = [len(prompt) + len(action) for prompt, action in samples]
    parents: list[int | None] = [None] * len(samples)
    prompts = []
    for prompt, _ in samples:
        if prompt not in by_tokens:
            by_tokens[prompt] = len(depths)
            prompts.append(prompt)
            depths.append(len(prompt))
    before = _longest_prefixes(by_tokens)
    parents += [None if (known := before[prompt]) is None else by_tokens[known] for prompt in prompts]
    origins = [by_tokens[prompt] for prompt, _ in samples]
    parents[: len(samples)] = origins
    return _Places(parents, depths, origins)


def _longest_prefixes(sequences: Iterable[Ids]) -> dict[Ids, Ids | None]:
    """For each of different sequences the longest other one that it begins with.

    In lexicographic order whatever begins with a sequence comes right after it.
    """
    prefixes: dict[Ids, Ids | None] = {}
    open_: list[Ids] = []
    for sequence in sorted(sequences):
        while open_ and sequence[: len(open_[-1])] != open_[-1]:
            open_.pop()
        prefixes[sequence] = open_[-1] if open_ else None
        open_.append(sequence)
    return prefixes


def _drafts(places: _Places, samples: int, cost: Cost, max_tokens: int) -> list[_Draft]:
    """The rows, from the leaves of the tree up: those that meet at a place are joined there if that pays."""
    meeting: dict[int | None, list[_Draft]] = defaultdict(list)
    for place in sorted(range(len(places.depths)), key=lambda place: (-places.depths[place], place)):
        depth = places.depths[place]
        here = _joined(meeting.pop(place, []), depth, cost, max_tokens)
        if place < samples:
            first, *others = here or [_Draft(depth, False, ())]
            here = [_Draft(first.tokens, first.branching, (*first.samples, place)), *others]
        meeting[places.parents[place]] += here
    return meeting[None]


def _joined(drafts: Sequence[_Draft], shared: int, cost: Cost, max_tokens: int) -> list[_Draft]:
    """Rows that have their first ``shared`` tokens in common, joined two by two, the shortest first."""
    waiting = list(drafts)
    heapify(waiting)
    while len(waiting) > 1:
        one, other = heappop(waiting), heappop(waiting)
        both = _Draft(one.tokens + other.tokens - shared, True, one.samples + other.samples)
        apart = cost.row(one.tokens, one.branching) + cost.row(other.tokens, other.branching)
        if both.tokens > max_tokens or cost.row(both.tokens, True) >= apart:
            return [one, other, *sorted(waiting)]
        heappush(waiting, both)
    return waiting


def _row(numbers: Sequence[int], samples: Samples, places: _Places) -> Row:
    """A row of some samples, each of which continues the deepest of its places that the row has."""
    row, written = Row(), dict[int, tuple[int, int]]()
    for number in numbers:
        prompt, action = samples[number]
        path = list(_up_to_written(places, places.origins[number], written))
        parent = places.parents[path[-1]] if path else places.origins[number]
        segment, column = (None, -1) if parent is None else written[parent]
        known = 0 if parent is None else places.depths[parent]
        shift = len(row.tokens) - known
        own = row.append(prompt[known:] + action, segment, column)
        written |= {place: (own, places.depths[place] + shift - 1) for place in [*path, number]}
        before = shift + len(prompt) - 1 if path else column
        row.spans.append((number, [before, *range(shift + len(prompt), shift + places.depths[number] - 1)]))
    return row


def _up_to_written(places: _Places, place: int, written: Container[int]) -> Iterator[int]:
    """A place and those that it continues, as far as a row does not have them."""
    here: int | None = place
    while here is not None and here not in written:
        yield here
        here = places.parents[here]
