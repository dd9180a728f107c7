"""Grows trees of joint turns: the only place where agents meet an environment.

All tasks and branches of a batch advance together, turn by turn; at each turn every agent draws all its
samples in one call. Without early ends a tree costs the inference calls of Proposition 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from collm.agents.agent import History, Policy, Reply, Request
from collm.algorithms.base import JointMode
from collm.base.seeding import derive
from collm.contract import guard
from collm.env import AnyEnvironment, Task, Transition
from collm.errors import CollmError, InfrastructureError
from collm.types import Observations, Tree, Turn

_STEP_THREADS = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """How a tree grows: ``num_samples`` at each history, joined by ``joint_mode``."""

    num_samples: int = 1
    joint_mode: JointMode = "align"


@dataclass(frozen=True, slots=True)
class Start:
    """One tree to grow; ``seed`` decides all its randomness."""

    task: Task
    seed: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was grown and what it cost.

    Attributes:
        trees: one for each start, in order.
        inference_calls: actions drawn, over all agents.
        tokens: tokens drawn, by agent.
    """

    trees: tuple[Tree, ...]
    inference_calls: int
    tokens: Mapping[str, int]

    @property
    def sound(self) -> tuple[Tree, ...]:
        """The trees that did not fail."""
        return tuple(tree for tree in self.trees if tree.failure is None)


@dataclass(slots=True)
class _Node:
    """A history that can branch, with the joint turns that grew from it so far."""

    tree: int
    path: tuple[int, ...]
    state: Any
    histories: Mapping[str, History]
    last_reward: float | None = None
    grown: list[_Grown] = field(default_factory=list)


@dataclass(slots=True)
class _Grown:
    """A joint turn while its subtree is still growing."""

    turn: Turn
    node: _Node | None


@dataclass(frozen=True, slots=True)
class _Joint:
    """One joint action at a node, not stepped yet."""

    node: _Node
    branch: int
    observations: Observations
    replies: Mapping[str, Reply]


def rollout(
    env: AnyEnvironment,
    policies: Mapping[str, Policy],
    starts: Sequence[Start],
    shape: Shape | None = None,
    greedy: bool = False,
) -> Rollout:
    """Grow one tree from each start.

    Args:
        env: the environment.
        policies: by agent; must name every agent of the environment.
        shape: how many joint samples at each history; one by default.
        greedy: let agents take their most likely tokens.

    Raises:
        CollmError: if the environment breaks its contract, as :mod:`collm.contract.guard` tells.
    """
    shape, agents = shape or Shape(), guard.agents(env)
    empty = {agent: History() for agent in agents}
    roots = [
        _Node(index, (), guard.reset(env, start.task, start.seed), empty)
        for index, start in enumerate(starts)
    ]
    frontier, failures = roots, dict[int, str]()
    calls, tokens = 0, dict.fromkeys(agents, 0)
    with ThreadPoolExecutor(_STEP_THREADS) as threads:
        for turn in range(env.num_turns):
            joints, drawn = _act(env, policies, frontier, starts, shape, greedy, turn)
            calls += sum(len(replies) for replies in drawn.values())
            for agent, replies in drawn.items():
                tokens[agent] += sum(len(reply.action.token_ids) for reply in replies)
            transitions = list(threads.map(lambda joint: _step(env, joint, starts, failures), joints))
            frontier = _grow(env, joints, transitions, starts, failures, turn)
            if not frontier:
                break
    if frontier:
        where = guard.place(env, starts[frontier[0].tree].task)
        problem = f"the episode goes on after {env.num_turns} turns."
        raise CollmError(where, problem, "return terminated=True at the last turn, or raise num_turns.")
    trees = [_tree(root, start, failures.get(root.tree)) for root, start in zip(roots, starts, strict=True)]
    return Rollout(tuple(trees), calls, tokens)


def _act(
    env: AnyEnvironment,
    policies: Mapping[str, Policy],
    frontier: Sequence[_Node],
    starts: Sequence[Start],
    shape: Shape,
    greedy: bool,
    turn: int,
) -> tuple[list[_Joint], dict[str, list[Reply]]]:
    """Let every agent answer at every node; return the joint actions and all replies by agent."""
    observed = [guard.observe(env, node.state, starts[node.tree].task) for node in frontier]
    answers: dict[str, dict[int, tuple[Reply, ...]]] = {}
    for agent in env.agents:
        seeing = [index for index, observations in enumerate(observed) if agent in observations]
        requests = [
            Request(
                frontier[index].histories[agent],
                observed[index][agent],
                _seeds(starts[frontier[index].tree].seed, frontier[index].path, agent, turn, shape),
            )
            for index in seeing
        ]
        replies = policies[agent].sample(requests, greedy) if requests else []
        answers[agent] = dict(zip(seeing, replies, strict=True))
    joints = [
        _Joint(node, branch, observed[index], replies)
        for index, node in enumerate(frontier)
        for branch, replies in enumerate(_joined({a: answers[a][index] for a in observed[index]}, shape))
    ]
    return joints, {agent: [r for group in found.values() for r in group] for agent, found in answers.items()}


def _seeds(seed: int, path: Sequence[int], agent: str, turn: int, shape: Shape) -> tuple[int, ...]:
    place = "/".join(map(str, path))
    return tuple(derive(seed, "sample", place, turn, agent, k) for k in range(shape.num_samples))


def _joined(answers: Mapping[str, tuple[Reply, ...]], shape: Shape) -> list[dict[str, Reply]]:
    """Joint replies: the k-th of every agent together, or every combination."""
    groups = (
        zip(*answers.values(), strict=True) if shape.joint_mode == "align" else product(*answers.values())
    )
    return [dict(zip(answers, group, strict=True)) for group in groups]


def _step(
    env: AnyEnvironment, joint: _Joint, starts: Sequence[Start], failures: dict[int, str]
) -> Transition[Any] | None:
    """Apply a joint action; ``None`` if the infrastructure failed, which is noted once for the tree."""
    replies = {agent: reply.action.text for agent, reply in joint.replies.items()}
    try:
        return guard.step(env, joint.node.state, replies, starts[joint.node.tree].task)
    except InfrastructureError as error:
        failures.setdefault(joint.node.tree, str(error))
        return None


def _grow(
    env: AnyEnvironment,
    joints: Sequence[_Joint],
    transitions: Sequence[Transition[Any] | None],
    starts: Sequence[Start],
    failures: Mapping[int, str],
    turn: int,
) -> list[_Node]:
    """Hang the new turns onto their nodes; return the nodes that go on."""
    groups: dict[int, list[tuple[_Joint, Transition[Any]]]] = {}
    for joint, transition in zip(joints, transitions, strict=True):
        if transition is not None and joint.node.tree not in failures:
            groups.setdefault(id(joint.node), []).append((joint, transition))
    following = []
    for siblings in groups.values():
        task = starts[siblings[0][0].node.tree].task
        rewards = [guard.processed(env, transition.reward, task) for _, transition in siblings]
        good_enough = guard.ends_early(env, rewards, task)
        for joint, transition in siblings:
            grown = _grown(env, joint, transition, task, turn, good_enough)
            joint.node.grown.append(grown)
            if grown.node is not None:
                following.append(grown.node)
    return following


def _grown(
    env: AnyEnvironment, joint: _Joint, transition: Transition[Any], task: Task, turn: int, good_enough: bool
) -> _Grown:
    terminated = transition.terminated or good_enough
    truncated = transition.truncated and not terminated
    agent_rewards = transition.agent_rewards
    following = guard.global_information(env, turn + 1, transition.reward, task) if truncated else ""
    record = Turn(
        index=turn,
        observations=joint.observations,
        joint_action={agent: reply.action for agent, reply in joint.replies.items()},
        reward=guard.processed(env, transition.reward, task),
        raw_reward=transition.reward,
        components=transition.components,
        metrics=transition.metrics,
        global_information=guard.global_information(env, turn, joint.node.last_reward, task),
        terminated=terminated,
        truncated=truncated,
        agent_rewards=agent_rewards
        and {agent: guard.processed(env, value, task) for agent, value in agent_rewards.items()},
        next_observations=guard.observe(env, transition.state, task) if truncated else None,
        next_global_information=following,
    )
    if terminated or truncated:
        return _Grown(record, None)
    histories = {**joint.node.histories, **{agent: reply.history for agent, reply in joint.replies.items()}}
    path = (*joint.node.path, joint.branch)
    return _Grown(record, _Node(joint.node.tree, path, transition.state, histories, transition.reward))


def _tree(root: _Node, start: Start, failure: str | None) -> Tree:
    return Tree(start.task.id, start.seed, () if failure else _frozen(root), failure)


def _frozen(node: _Node) -> tuple[Turn, ...]:
    """The turns of a node with everything that grew below them."""
    return tuple(
        grown.turn if grown.node is None else replace(grown.turn, children=_frozen(grown.node))
        for grown in node.grown
    )
