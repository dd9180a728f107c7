"""Hand-made trees of joint turns, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collm.types import Action, Observation, Tree, Turn


def turn(
    reward: float,
    *children: Turn,
    rewards: Mapping[str, float] | None = None,
    terminated: bool | None = None,
    agents: tuple[str, ...] = ("a", "b"),
) -> Turn:
    """A joint turn that terminates if nothing follows; the children's indices are set by :func:`tree`."""
    return Turn(
        index=0,
        observations={agent: Observation(f"to {agent}") for agent in agents},
        joint_action={agent: Action(f"by {agent}") for agent in agents},
        reward=reward,
        raw_reward=reward,
        agent_rewards=rewards,
        terminated=not children if terminated is None else terminated,
        children=children,
    )


def tree(*roots: Turn, task: str = "task") -> Tree:
    return Tree(task, 0, tuple(_indexed(root, 0) for root in roots))


def chain(*turns: Turn) -> Tree:
    """One episode of the given turns; only the last may have ended."""
    *before, following = turns
    for one in reversed(before):
        following = replace(one, terminated=False, children=(following,))
    return tree(following)


def _indexed(one: Turn, index: int) -> Turn:
    return replace(one, index=index, children=tuple(_indexed(child, index + 1) for child in one.children))
