"""Grows trees of joint turns.

All tasks and branches of a batch advance together, turn by turn; at each turn every agent is asked for
all its samples before the first answer is awaited. Without early ends a tree costs the inference calls
of Proposition 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

from collm.agents.policy import Policy, Request, named
from collm.algorithms.base import Branching
from collm.base.seeding import derive
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment, Task, Transition
from collm.errors import CollmError, InfrastructureError
from collm.rollout.nodes import Grown, Node, turns_below
from collm.types import Action, History, JointAction, Observations, Tree, Turn

_STEP_THREADS = 8


@dataclass(frozen=True, slots=True)
class Reset:
    """Where a tree begins: a task, and the seed that decides all its randomness."""

    task: Task
    seed: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was grown and what it cost.

    Attributes:
        trees: one for each reset, in order.
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


@dataclass(frozen=True, slots=True)
class Grower:
    """What every step of growing needs.

    Attributes:
        failures: by number of the tree, why its infrastructure failed; filled while it grows.
        drawn: by agent, the tokens of every action; filled while it grows.
    """

    env: Held
    policies: Mapping[str, Policy]
    resets: Sequence[Reset]
    branching: Branching
    greedy: bool
    failures: dict[int, str]
    drawn: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class _Joint:
    """One joint action at a node, not stepped yet."""

    node: Node
    branch: int
    observations: Observations
    actions: JointAction


def rollout(
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    resets: Sequence[Reset],
    branching: Branching | None = None,
    greedy: bool = False,
) -> Rollout:
    """Grow one tree from each reset.

    Args:
        env: the environment.
        policies: by agent; must name every agent of the environment.
        branching: how many joint samples at each history; one by default.
        greedy: let agents take their most likely tokens.

    Raises:
        CollmError: if the environment breaks its contract, as :mod:`collm.contract` tells.
    """
    grower = grower_of(env, policies, resets, branching or Branching(), greedy)
    empty = {agent: History() for agent in grower.drawn}
    roots = [
        Node(index, (), grower.env.reset(reset.task, reset.seed), empty) for index, reset in enumerate(resets)
    ]
    grow(grower, roots)
    trees = [_tree(root, reset, grower.failures) for root, reset in zip(roots, resets, strict=True)]
    return Rollout(tuple(trees), *cost(grower))


def grower_of(
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    resets: Sequence[Reset],
    branching: Branching,
    greedy: bool,
) -> Grower:
    """A grower of trees that has drawn nothing yet."""
    held = hold(env)
    return Grower(held, policies, resets, branching, greedy, {}, {agent: [] for agent in held.agents})


def cost(grower: Grower) -> tuple[int, dict[str, int]]:
    """How many actions were drawn, and each agent's tokens."""
    return sum(map(len, grower.drawn.values())), {agent: sum(one) for agent, one in grower.drawn.items()}


def grow(grower: Grower, nodes: Sequence[Node]) -> None:
    """Grow everything below some histories, each to its episodes' ends."""
    frontier = list(nodes)
    try:
        with ThreadPoolExecutor(_STEP_THREADS) as threads:
            while frontier:
                joints = _act(grower, frontier)
                transitions = list(threads.map(lambda joint: _step(grower, joint), joints))
                frontier = _grow(grower, joints, transitions)
                _check_length(grower, frontier)
    finally:
        for policy in grower.policies.values():
            policy.release()


def _check_length(grower: Grower, frontier: Sequence[Node]) -> None:
    turns = grower.env.num_turns
    for node in frontier:
        if len(node.path) >= turns:
            where = grower.env.place(grower.resets[node.tree].task)
            problem = f"the episode goes on after {turns} turns."
            raise CollmError(where, problem, "return terminated=True at the last turn, or raise num_turns.")


def _act(grower: Grower, frontier: Sequence[Node]) -> list[_Joint]:
    """Let every agent answer at every node; ask all before the first answer is awaited."""
    env, branching = grower.env, grower.branching
    observed = [env.observe(node.state) for node in frontier]
    acting = {
        agent: [
            index
            for index, node in enumerate(frontier)
            if agent in observed[index] and agent not in node.fixed
        ]
        for agent in grower.drawn
    }
    keep = any(len(node.path) + 1 < env.num_turns for node in frontier)
    pending = {
        agent: grower.policies[agent].submit(
            [_request(grower, frontier[index], observed[index], agent) for index in indices],
            grower.greedy,
            keep,
        )
        for agent, indices in acting.items()
        if indices
    }
    answers = [
        {agent: (action,) * node.samples(branching) for agent, action in node.fixed.items()}
        for node in frontier
    ]
    for agent, asked in pending.items():
        for index, actions in zip(acting[agent], asked.result(), strict=True):
            answers[index][agent] = named(actions, frontier[index].path, frontier[index].first, agent)
            grower.drawn[agent] += [len(action.token_ids) for action in actions]
    return [
        _Joint(node, node.first + branch, observed[index], actions)
        for index, node in enumerate(frontier)
        for branch, actions in enumerate(
            _joined({agent: answers[index][agent] for agent in observed[index]}, branching)
        )
    ]


def _request(grower: Grower, node: Node, observations: Observations, agent: str) -> Request:
    seed, place = grower.resets[node.tree].seed, "/".join(map(str, node.path))
    seeds = [
        derive(seed, "sample", place, len(node.path), agent, node.first + k)
        for k in range(node.samples(grower.branching))
    ]
    return Request(node.histories[agent], observations[agent], tuple(seeds))


def _joined(answers: Mapping[str, tuple[Action, ...]], branching: Branching) -> list[JointAction]:
    """Joint actions: the k-th of every agent together, or every combination."""
    groups = (
        zip(*answers.values(), strict=True) if branching.joint_mode == "align" else product(*answers.values())
    )
    return [dict(zip(answers, group, strict=True)) for group in groups]


def _step(grower: Grower, joint: _Joint) -> Transition[Any] | None:
    """Apply a joint action; ``None`` if the infrastructure failed, which is noted once for the tree."""
    replies = {agent: action.text for agent, action in joint.actions.items()}
    try:
        return grower.env.step(joint.node.state, replies)
    except InfrastructureError as error:
        grower.failures.setdefault(joint.node.tree, str(error))
        return None


def _grow(
    grower: Grower, joints: Sequence[_Joint], transitions: Sequence[Transition[Any] | None]
) -> list[Node]:
    """Hang the new turns onto their nodes; return the nodes that go on."""
    env = grower.env
    groups: dict[tuple[int, tuple[int, ...], int], list[tuple[_Joint, Transition[Any]]]] = {}
    for joint, transition in zip(joints, transitions, strict=True):
        node = joint.node
        if transition is not None and node.tree not in grower.failures:
            groups.setdefault((node.tree, node.path, node.first), []).append((joint, transition))
    following = []
    for siblings in groups.values():
        task = grower.resets[siblings[0][0].node.tree].task
        rewards = [env.processed(transition.reward, task) for _, transition in siblings]
        good_enough = env.ends_early(rewards, task)
        for joint, transition in siblings:
            turn = _turn(env, joint, transition, task, good_enough)
            child = None if turn.terminated or turn.truncated else _child(joint, transition)
            joint.node.grown.append(Grown(turn, child))
            if child is not None:
                following.append(child)
    return following


def _turn(env: Held, joint: _Joint, transition: Transition[Any], task: Task, good_enough: bool) -> Turn:
    terminated = transition.terminated or good_enough
    truncated = transition.truncated and not terminated
    agent_rewards, t = transition.agent_rewards, len(joint.node.path)
    following = env.global_information(t + 1, transition.reward, task) if truncated else ""
    return Turn(
        t=t,
        observations=joint.observations,
        joint_action=joint.actions,
        reward=env.processed(transition.reward, task),
        raw_reward=transition.reward,
        components=transition.components,
        metrics=transition.metrics,
        global_information=env.global_information(t, joint.node.last_reward, task),
        terminated=terminated,
        truncated=truncated,
        agent_rewards=agent_rewards
        and {agent: env.processed(value, task) for agent, value in agent_rewards.items()},
        next_observations=env.observe(transition.state) if truncated else None,
        next_global_information=following,
        learned=joint.node.learned,
        probe=joint.node.probe,
    )


def _child(joint: _Joint, transition: Transition[Any]) -> Node:
    """The history that follows a joint action."""
    node = joint.node
    own = {
        agent: node.histories[agent].after(joint.observations[agent], action)
        for agent, action in joint.actions.items()
    }
    return Node(
        tree=node.tree,
        path=(*node.path, joint.branch),
        state=transition.state,
        histories={**node.histories, **own},
        last_reward=transition.reward,
        learned=node.learned and not node.probe,
        probe=node.probe,
    )


def _tree(root: Node, reset: Reset, failures: Mapping[int, str]) -> Tree:
    if root.tree in failures:
        return Tree(reset.task, reset.seed, failure=failures[root.tree])
    turns, parents = turns_below(root, None, 0)
    return Tree(reset.task, reset.seed, tuple(turns), tuple(parents))
