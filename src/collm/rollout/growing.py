"""Grows trees of joint turns.

All tasks and branches of a batch advance together, turn by turn; at each turn every agent is asked for
all its samples before the first answer is awaited. Without early ends a tree costs the inference calls
of Proposition 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

from collm.agents.policy import Policy, Request, named
from collm.algorithms.base import Branching
from collm.base.seeding import derive
from collm.contract.held import Held
from collm.env import AnyEnvironment, Task, Transition
from collm.errors import CollmError
from collm.rollout.grower import Grower, Reset, Rollout, cost, grower_of
from collm.rollout.nodes import Grown, Node, turns_below
from collm.types import Action, History, JointAction, Observations, Tree, Turn

_STEP_THREADS = 8


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
    roots = [_root(grower, number) for number in range(len(resets))]
    grow(grower, [root for root in roots if root is not None])
    trees = [_tree(grower, number, root) for number, root in enumerate(roots)]
    return Rollout(tuple(trees), *cost(grower))


def grow(grower: Grower, nodes: Sequence[Node]) -> None:
    """Grow everything below some histories, each to its episodes' ends."""
    frontier = list(nodes)
    try:
        with ThreadPoolExecutor(_STEP_THREADS) as threads:
            while frontier:
                joints = _act(grower, list(_observed(grower, frontier)))
                transitions = list(threads.map(lambda joint: _step(grower, joint), joints))
                frontier = _grow(grower, joints, transitions)
                _check_length(grower, frontier)
    finally:
        for policy in grower.policies.values():
            policy.release()


def _root(grower: Grower, number: int) -> Node | None:
    """The empty history of a tree; ``None`` if the infrastructure failed."""
    reset = grower.resets[number]
    with grower.noting(number):
        state = grower.env.reset(reset.task, reset.seed)
        return Node(number, (), state, {agent: History() for agent in grower.drawn})
    return None


def _check_length(grower: Grower, frontier: Sequence[Node]) -> None:
    turns = grower.env.num_turns
    for node in frontier:
        if len(node.path) >= turns:
            where = grower.env.place(grower.resets[node.tree].task)
            problem = f"the episode goes on after {turns} turns."
            raise CollmError(where, problem, "return terminated=True at the last turn, or raise num_turns.")


def _observed(grower: Grower, frontier: Sequence[Node]) -> Iterator[tuple[Node, Observations]]:
    """What is seen at every node of a tree whose infrastructure works."""
    for node in frontier:
        with grower.noting(node.tree):
            yield node, grower.env.observe(node.state)


def _act(grower: Grower, seen: Sequence[tuple[Node, Observations]]) -> list[_Joint]:
    """Let every agent answer at every node."""
    answers = _answers(grower, seen)
    joints = []
    for (node, observations), by_agent in zip(seen, answers, strict=True):
        ordered = {agent: by_agent[agent] for agent in observations}
        for branch, actions in enumerate(_joined(ordered, grower.branching), node.first):
            joints.append(_Joint(node, branch, observations, actions))
    return joints


def _answers(
    grower: Grower, seen: Sequence[tuple[Node, Observations]]
) -> list[dict[str, tuple[Action, ...]]]:
    """At every node the actions of every agent; all are asked before the first answer is awaited."""
    keep = any(len(node.path) + 1 < grower.env.num_turns for node, _ in seen)
    acting, pending = {}, {}
    for agent in grower.drawn:
        acting[agent] = [
            index
            for index, (node, observations) in enumerate(seen)
            if agent in observations and agent not in node.fixed
        ]
        requests = [_request(grower, *seen[index], agent) for index in acting[agent]]
        if requests:
            pending[agent] = grower.policies[agent].submit(requests, grower.greedy, keep)
    answers = [
        {agent: (action,) * node.samples(grower.branching) for agent, action in node.fixed.items()}
        for node, _ in seen
    ]
    for agent, asked in pending.items():
        for index, actions in zip(acting[agent], asked.result(), strict=True):
            node = seen[index][0]
            answers[index][agent] = named(actions, node.path, node.first, agent)
            grower.drawn[agent] += [len(action.token_ids) for action in actions]
    return answers


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
    with grower.noting(joint.node.tree):
        return grower.env.step(joint.node.state, replies)
    return None


def _grow(
    grower: Grower, joints: Sequence[_Joint], transitions: Sequence[Transition[Any] | None]
) -> list[Node]:
    """Hang the new turns onto their nodes; return the nodes that go on."""
    groups: dict[tuple[int, tuple[int, ...], int], list[tuple[_Joint, Transition[Any]]]] = {}
    for joint, transition in zip(joints, transitions, strict=True):
        node = joint.node
        if transition is not None and node.tree not in grower.failures:
            groups.setdefault((node.tree, node.path, node.first), []).append((joint, transition))
    following: list[Node] = []
    for (tree, _, _), siblings in groups.items():
        with grower.noting(tree):
            following += _hung(grower, grower.resets[tree].task, siblings)
    return following


def _hung(grower: Grower, task: Task, siblings: Sequence[tuple[_Joint, Transition[Any]]]) -> Iterator[Node]:
    """The histories that follow the joint turns of one node, which now has them."""
    rewards = [grower.env.processed(transition.reward, task) for _, transition in siblings]
    good_enough = grower.env.ends_early(rewards, task)
    for joint, transition in siblings:
        turn = _turn(grower.env, joint, transition, task, good_enough)
        ended = turn.terminated or turn.truncated or not joint.node.onward
        child = None if ended else _child(joint, transition)
        joint.node.grown.append(Grown(turn, child))
        if child is not None:
            yield child


def _turn(env: Held, joint: _Joint, transition: Transition[Any], task: Task, good_enough: bool) -> Turn:
    terminated = transition.terminated or good_enough
    truncated = transition.truncated and not terminated
    agent_rewards, t = transition.agent_rewards, len(joint.node.path)
    following = env.global_information(t + 1, transition.reward, task) if truncated else ""
    numbers_following = env.global_numbers(t + 1, transition.reward, task) if truncated else ()
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
        global_numbers=env.global_numbers(t, joint.node.last_reward, task),
        next_global_numbers=numbers_following,
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


def _tree(grower: Grower, number: int, root: Node | None) -> Tree:
    reset = grower.resets[number]
    if root is None or number in grower.failures:
        return Tree(reset.task, reset.seed, failure=grower.failures[number])
    turns, parents = turns_below(root, None, 0)
    return Tree(reset.task, reset.seed, tuple(turns), tuple(parents))
