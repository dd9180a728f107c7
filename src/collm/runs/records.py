"""Turns as rows of JSON: everything that was seen, said, rewarded and learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from collm.training.learning import Lesson
from collm.types import Tree, Turn


def turn_rows(trees: Sequence[Tree], lesson: Lesson | None = None) -> Iterator[dict[str, Any]]:
    """One row for each joint turn, in the order of ``tree.turns()``; a failed tree gives one row.

    Args:
        trees: what was rolled out.
        lesson: values, targets and advantages, if the trees that did not fail were learned from.
    """
    learned = -1
    for number, tree in enumerate(trees):
        if tree.failure is not None:
            yield {"tree": number, "task": tree.task_id, "failure": tree.failure}
            continue
        learned += 1
        paths = _paths(tree)
        for index, turn in enumerate(tree.turns()):
            row = {"tree": number, "task": tree.task_id, "path": paths[index], **_turn_row(turn)}
            if lesson is not None:
                place = learned, index
                row["values"] = lesson.values.get(place, {})
                row["targets"] = lesson.targets.get(place, {})
                row["advantages"] = lesson.advantages.get(place, {})
            yield row


def _turn_row(turn: Turn) -> dict[str, Any]:
    return {
        "turn": turn.index,
        "observations": {name: observation.text for name, observation in turn.observations.items()},
        "replies": {name: action.text for name, action in turn.joint_action.items()},
        "tokens": {name: len(action.token_ids) for name, action in turn.joint_action.items()},
        "finish_reasons": {name: action.finish_reason for name, action in turn.joint_action.items()},
        "logprobs": {name: action.logprob for name, action in turn.joint_action.items()},
        "global_information": turn.global_information,
        "raw_reward": turn.raw_reward,
        "reward": turn.reward,
        "agent_rewards": turn.agent_rewards,
        "components": dict(turn.components),
        "metrics": dict(turn.metrics),
        "terminated": turn.terminated,
        "truncated": turn.truncated,
    }


def _paths(tree: Tree) -> list[list[int]]:
    """For each turn of ``tree.turns()`` the branch taken at every turn down to it."""
    paths: list[list[int]] = []
    stack: list[tuple[Turn, list[int]]] = [(root, [k]) for k, root in reversed(list(enumerate(tree.roots)))]
    while stack:
        turn, path = stack.pop()
        paths.append(path)
        stack.extend((child, [*path, k]) for k, child in reversed(list(enumerate(turn.children))))
    return paths
