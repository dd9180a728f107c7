"""Reads a file of episodes: a leaf of a tree is an episode, and knows where its turns lie in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collm.view.tolerant import mapping, number, parsed, text, whole

_DEEPEST = 1000
"""Turns of an episode that are told apart; what says that it has more is no run of ours."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One row and its place in the file, in bytes."""

    offset: int
    length: int
    row: dict[str, Any]

    @property
    def tree(self) -> int:
        return whole(self.row.get("tree"))

    @property
    def path(self) -> tuple[int, ...]:
        """The branches taken so far; a row without them belongs to the only branch."""
        path = self.row.get("path")
        if isinstance(path, list):
            return tuple(whole(step) for step in path[:_DEEPEST])
        return (0,) * min(whole(self.row.get("turn")) + 1, _DEEPEST)


@dataclass(frozen=True, slots=True)
class Part:
    """What one agent did in an episode: tokens drawn, replies cut at the limit, all its text."""

    tokens: int
    cut: int
    text: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One episode, a path from root to leaf.

    Attributes:
        turns: the place, length and reward of each of its rows.
        gain: the discounted return of processed rewards; ``None`` if a reward is missing.
        raw: the plain sum of the environment's own rewards.
        ended: ``terminated``, ``truncated`` or nothing.
    """

    tree: int
    path: tuple[int, ...]
    task: str
    turns: tuple[tuple[int, int, float | None], ...]
    gain: float | None
    raw: float | None
    failure: str
    ended: str
    parts: Mapping[str, Part]


def read_leaves(file: Path, discount: float) -> Iterator[Leaf]:
    """Every episode of a file, a tree at a time; broken lines are passed over."""
    tree: list[Placed] = []
    for placed in _rows(file):
        if tree and tree[0].tree != placed.tree:
            yield from _leaves(tree, discount)
            tree = []
        tree.append(placed)
    yield from _leaves(tree, discount)


def _rows(file: Path) -> Iterator[Placed]:
    offset = 0
    with file.open("rb") as stream:
        for line in stream:
            row = parsed(line)
            if row is not None:
                yield Placed(offset, len(line), row)
            offset += len(line)


def _leaves(tree: Sequence[Placed], discount: float) -> Iterator[Leaf]:
    at = {placed.path: placed for placed in tree}
    inner = {path[:-1] for path in at}
    for path in sorted(at):
        if path not in inner:
            yield _leaf([at[path[:end]] for end in range(1, len(path) + 1) if path[:end] in at], discount)


def _leaf(turns: Sequence[Placed], discount: float) -> Leaf:
    last = turns[-1]
    rewards = [number(turn.row.get("reward")) for turn in turns]
    return Leaf(
        tree=last.tree,
        path=last.path,
        task=text(last.row.get("task")),
        turns=tuple((turn.offset, turn.length, reward) for turn, reward in zip(turns, rewards, strict=True)),
        gain=_sum(reward if reward is None else discount**t * reward for t, reward in enumerate(rewards)),
        raw=_sum(number(turn.row.get("raw_reward")) for turn in turns),
        failure=_failure(last.row.get("failure")),
        ended=next((end for end in ("terminated", "truncated") if last.row.get(end) is True), ""),
        parts=_parts([turn.row for turn in turns]),
    )


def _sum(terms: Iterable[float | None]) -> float | None:
    values = list(terms)
    return None if None in values else sum(term for term in values if term is not None)


def _failure(value: Any) -> str:
    return text(value) or (str(value) if value else "")


def _parts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Part]:
    return {name: _part(name, rows) for name in agents_of(rows)}


def agents_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every agent that observed or replied, in the order of the rows."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(map(text, mapping(row.get("observations")))))
        names.update(dict.fromkeys(map(text, mapping(row.get("replies")))))
    return list(names)


def _part(name: str, rows: Sequence[Mapping[str, Any]]) -> Part:
    return Part(
        tokens=sum(whole(mapping(row.get("tokens")).get(name)) for row in rows),
        cut=sum(mapping(row.get("finish_reasons")).get(name) == "length" for row in rows),
        text="\n".join(text(mapping(row.get("replies")).get(name)) for row in rows),
    )
