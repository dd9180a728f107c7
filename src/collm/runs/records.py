"""Turns as rows of JSON: everything that was seen, said, rewarded and learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collm.types import Tree, Turn

Place = tuple[int, int]
"""The number of a tree and of a turn in it."""


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """What was computed for single turns, kept for the record of the episodes.

    Attributes:
        values, targets: by the name of the value, before the turn's actions, or after them where
            only that is taught.
        advantages: by agent.
        metrics: means over the optimizer steps.
    """

    values: Mapping[Place, Mapping[str, float]] = field(default_factory=dict)
    targets: Mapping[Place, Mapping[str, float]] = field(default_factory=dict)
    advantages: Mapping[Place, Mapping[str, float]] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def turn_rows(
    trees: Sequence[Tree],
    record: UpdateRecord | None = None,
    spelled: Mapping[str, Callable[[int], str]] | None = None,
) -> Iterator[dict[str, Any]]:
    """One row for each joint turn, in the order of ``tree.turns``; a failed tree gives one row.

    Args:
        trees: what was rolled out.
        record: values, targets and advantages, if the trees that did not fail were learned from.
        spelled: by agent, the text of a token; given, every token is kept with its log-probability.
    """
    learned = -1
    for number, tree in enumerate(trees):
        if tree.failure is not None:
            yield {"tree": number, "task": tree.task.id, "failure": tree.failure}
            continue
        learned += 1
        for index, turn in enumerate(tree.turns):
            row = {
                "tree": number,
                "task": tree.task.id,
                "path": list(tree.branches(index)),
                **_turn_row(turn),
            }
            if spelled is not None:
                row |= _tokens(turn, spelled)
            if record is not None:
                place = learned, index
                row["values"] = record.values.get(place, {})
                row["targets"] = record.targets.get(place, {})
                row["advantages"] = record.advantages.get(place, {})
            yield row


def _tokens(turn: Turn, spelled: Mapping[str, Callable[[int], str]]) -> dict[str, Any]:
    actions = turn.joint_action
    return {
        "token_texts": {name: list(map(spelled[name], one.token_ids)) for name, one in actions.items()},
        "token_logprobs": {name: list(one.token_logprobs) for name, one in actions.items()},
    }


def _turn_row(turn: Turn) -> dict[str, Any]:
    return {
        "turn": turn.t,
        "observations": {name: observation.text for name, observation in turn.observations.items()},
        "actions": {name: action.id for name, action in turn.joint_action.items()},
        "versions": {name: action.version for name, action in turn.joint_action.items()},
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
        "probe": turn.probe,
    }
