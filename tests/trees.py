"""Hand-made trees of joint turns, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from collm.types import Action, JointAction, Observation, Tree, Turn


@dataclass(frozen=True)
class Named:
    """A task that is nothing but its name."""

    id: str


@dataclass(frozen=True)
class Grown(Turn):
    """A joint turn with those that follow it, until :func:`tree` lays all of them out."""

    children: tuple[Grown, ...] = ()


def turn(
    reward: float,
    *children: Grown,
    rewards: Mapping[str, float] | None = None,
    terminated: bool | None = None,
    agents: tuple[str, ...] = ("a", "b"),
) -> Grown:
    """A joint turn that terminates if nothing follows; its place is set by :func:`tree`."""
    return Grown(
        t=0,
        observations={agent: Observation(f"to {agent}") for agent in agents},
        joint_action={agent: Action(f"by {agent}") for agent in agents},
        reward=reward,
        raw_reward=reward,
        agent_rewards=rewards,
        terminated=not children if terminated is None else terminated,
        children=children,
    )


def tree(*roots: Grown, task: str = "task") -> Tree:
    """The turns depth first; every action without a name of its own gets one."""
    turns: list[Turn] = []
    parents: list[int | None] = []
    waiting: list[tuple[int | None, str, Grown]] = _below(None, "", roots)
    while waiting:
        parent, path, one = waiting.pop()
        waiting += _below(len(turns), path, one.children)
        parents.append(parent)
        turns.append(_laid(one, path))
    return Tree(Named(task), 0, tuple(turns), tuple(parents))


def chain(*turns: Grown) -> Tree:
    """One episode of the given turns; only the last may have ended."""
    *before, following = turns
    for one in reversed(before):
        following = replace(one, terminated=False, children=(following,))
    return tree(following)


def _below(parent: int | None, path: str, turns: tuple[Grown, ...]) -> list[tuple[int | None, str, Grown]]:
    """Siblings with their places, the last one first."""
    return [(parent, f"{path}{k}.", one) for k, one in enumerate(turns)][::-1]


def _laid(one: Grown, path: str) -> Turn:
    own = {field.name: getattr(one, field.name) for field in fields(Turn)}
    return Turn(**{**own, "t": path.count(".") - 1, "joint_action": _with_ids(one.joint_action, path)})


def _with_ids(actions: JointAction, path: str) -> JointAction:
    return {name: replace(one, id=one.id or f"{path}/{name}") for name, one in actions.items()}
