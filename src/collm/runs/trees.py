"""Trees as rows of JSON and back, to go on with: nothing that learning looks at is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from collm.types import Action, Observation, Observations, Task, Tree, Turn


def tree_row(tree: Tree) -> dict[str, Any]:
    """A tree without its task and its seed, which whoever reads it knows."""
    return {
        "turns": [asdict(turn) for turn in tree.turns],
        "parents": list(tree.parents),
        "failure": tree.failure,
    }


def tree_of(row: Mapping[str, Any], task: Task, seed: int) -> Tree:
    """What :func:`tree_row` was made of, its numbers to the last bit."""
    turns, parents = tuple(_turn(turn) for turn in row["turns"]), tuple(row["parents"])
    return Tree(task, seed, turns, parents, row["failure"])


def _turn(row: Mapping[str, Any]) -> Turn:
    following = row["next_observations"]
    parts = {
        "observations": _observations(row["observations"]),
        "joint_action": {agent: _action(one) for agent, one in row["joint_action"].items()},
        "next_observations": None if following is None else _observations(following),
    }
    return Turn(**{**row, **_with_tuples(row, ("global_numbers", "next_global_numbers")), **parts})


def _observations(row: Mapping[str, Any]) -> Observations:
    return {agent: Observation(**one) for agent, one in row.items()}


def _action(row: Mapping[str, Any]) -> Action:
    return Action(**{**row, **_with_tuples(row, ("prompt_ids", "token_ids", "token_logprobs"))})


def _with_tuples(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(row[name]) for name in names}
