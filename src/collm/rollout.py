"""Grows trees of joint turns: the only place where agents meet an environment.

All tasks and branches of a batch advance together, turn by turn; at each turn every agent is asked for
all its samples before the first answer is awaited. Without early ends a tree costs the inference calls
of Proposition 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from collm.agents.policy import Policy, Request, named
from collm.algorithms.base import Branching
from collm.base.seeding import derive
from collm.contract import guard
from collm.env import AnyEnvironment, Task, Transition
from collm.errors import CollmError, InfrastructureError
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
    actions: JointAction


def rollout(
    env: AnyEnvironment,
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
        CollmError: if the environment breaks its contract, as :mod:`collm.guard` tells.
    """
    branching, agents = branching or Branching(), guard.agents(env)
    empty = {agent: History() for agent in agents}
    roots = [
        _Node(index, (), guard.reset(env, reset.task, reset.seed), empty)
        for index, reset in enumerate(resets)
    ]
    frontier, failures = roots, dict[int, str]()
    calls, tokens = 0, dict.fromkeys(agents, 0)
    try:
        with ThreadPoolExecutor(_STEP_THREADS) as threads:
            for t in range(env.num_turns):
                joints, drawn = _act(env, policies, frontier, resets, branching, greedy, t)
                calls += sum(map(len, drawn.values()))
                for agent, actions in drawn.items():
                    tokens[agent] += sum(len(action.token_ids) for action in actions)
                transitions = list(threads.map(lambda joint: _step(env, joint, resets, failures), joints))
                frontier = _grow(env, joints, transitions, resets, failures, t)
                if not frontier:
                    break
    finally:
        for policy in policies.values():
            policy.release()
    if frontier:
        where = guard.place(env, resets[frontier[0].tree].task)
        problem = f"the episode goes on after {env.num_turns} turns."
        raise CollmError(where, problem, "return terminated=True at the last turn, or raise num_turns.")
    trees = [_tree(root, reset, failures.get(root.tree)) for root, reset in zip(roots, resets, strict=True)]
    return Rollout(tuple(trees), calls, tokens)


def replay(env: AnyEnvironment, task: Task, seed: int, actions: Sequence[Mapping[str, str]]) -> Any:
    """The state that some joint actions lead to, as the environment gave it when they were first played.

    Args:
        task, seed: as the episode was reset with.
        actions: for each turn the agents' replies.

    Raises:
        CollmError: if the environment breaks its contract, or the episode ends before the last action.
    """
    state = guard.reset(env, task, seed)
    for t, replies in enumerate(actions):
        transition = guard.step(env, state, replies, task)
        if transition.terminated and t + 1 < len(actions):
            problem = f"the episode ends after turn {t}, and there are actions for {len(actions)}."
            raise CollmError(guard.place(env, task), problem, "replay actions of one episode alone.")
        state = transition.state
    return state


def _act(
    env: AnyEnvironment,
    policies: Mapping[str, Policy],
    frontier: Sequence[_Node],
    resets: Sequence[Reset],
    branching: Branching,
    greedy: bool,
    t: int,
) -> tuple[list[_Joint], dict[str, list[Action]]]:
    """Let every agent answer at every node; return the joint actions and all actions by agent."""
    observed = [guard.observe(env, node.state, resets[node.tree].task) for node in frontier]
    acting = {
        agent: [index for index, observations in enumerate(observed) if agent in observations]
        for agent in env.agents
    }
    keep = t + 1 < env.num_turns
    pending = {
        agent: policies[agent].submit(
            [_request(frontier[index], observed[index], agent, resets, branching) for index in indices],
            greedy,
            keep,
        )
        for agent, indices in acting.items()
        if indices
    }
    answers: list[dict[str, tuple[Action, ...]]] = [{} for _ in frontier]
    for agent, asked in pending.items():
        for index, actions in zip(acting[agent], asked.result(), strict=True):
            answers[index][agent] = named(actions, _place(frontier[index].path), agent)
    joints = [
        _Joint(node, branch, observed[index], actions)
        for index, node in enumerate(frontier)
        for branch, actions in enumerate(
            _joined({agent: answers[index][agent] for agent in observed[index]}, branching)
        )
    ]
    drawn = {agent: [one for group in answers for one in group.get(agent, ())] for agent in env.agents}
    return joints, drawn


def _request(
    node: _Node, observations: Observations, agent: str, resets: Sequence[Reset], branching: Branching
) -> Request:
    seed, place = resets[node.tree].seed, "/".join(map(str, node.path))
    seeds = [derive(seed, "sample", place, len(node.path), agent, k) for k in range(branching.num_samples)]
    return Request(node.histories[agent], observations[agent], tuple(seeds))


def _place(path: Sequence[int]) -> str:
    return "".join(f"{branch}." for branch in path)


def _joined(answers: Mapping[str, tuple[Action, ...]], branching: Branching) -> list[JointAction]:
    """Joint actions: the k-th of every agent together, or every combination."""
    groups = (
        zip(*answers.values(), strict=True) if branching.joint_mode == "align" else product(*answers.values())
    )
    return [dict(zip(answers, group, strict=True)) for group in groups]


def _step(
    env: AnyEnvironment, joint: _Joint, resets: Sequence[Reset], failures: dict[int, str]
) -> Transition[Any] | None:
    """Apply a joint action; ``None`` if the infrastructure failed, which is noted once for the tree."""
    replies = {agent: action.text for agent, action in joint.actions.items()}
    try:
        return guard.step(env, joint.node.state, replies, resets[joint.node.tree].task)
    except InfrastructureError as error:
        failures.setdefault(joint.node.tree, str(error))
        return None


def _grow(
    env: AnyEnvironment,
    joints: Sequence[_Joint],
    transitions: Sequence[Transition[Any] | None],
    resets: Sequence[Reset],
    failures: Mapping[int, str],
    t: int,
) -> list[_Node]:
    """Hang the new turns onto their nodes; return the nodes that go on."""
    groups: dict[tuple[int, tuple[int, ...]], list[tuple[_Joint, Transition[Any]]]] = {}
    for joint, transition in zip(joints, transitions, strict=True):
        if transition is not None and joint.node.tree not in failures:
            groups.setdefault((joint.node.tree, joint.node.path), []).append((joint, transition))
    following = []
    for siblings in groups.values():
        task = resets[siblings[0][0].node.tree].task
        rewards = [guard.processed(env, transition.reward, task) for _, transition in siblings]
        good_enough = guard.ends_early(env, rewards, task)
        for joint, transition in siblings:
            grown = _grown(env, joint, transition, task, t, good_enough)
            joint.node.grown.append(grown)
            if grown.node is not None:
                following.append(grown.node)
    return following


def _grown(
    env: AnyEnvironment, joint: _Joint, transition: Transition[Any], task: Task, t: int, good_enough: bool
) -> _Grown:
    terminated = transition.terminated or good_enough
    truncated = transition.truncated and not terminated
    agent_rewards = transition.agent_rewards
    following = guard.global_information(env, t + 1, transition.reward, task) if truncated else ""
    turn = Turn(
        t=t,
        observations=joint.observations,
        joint_action=joint.actions,
        reward=guard.processed(env, transition.reward, task),
        raw_reward=transition.reward,
        components=transition.components,
        metrics=transition.metrics,
        global_information=guard.global_information(env, t, joint.node.last_reward, task),
        terminated=terminated,
        truncated=truncated,
        agent_rewards=agent_rewards
        and {agent: guard.processed(env, value, task) for agent, value in agent_rewards.items()},
        next_observations=guard.observe(env, transition.state, task) if truncated else None,
        next_global_information=following,
    )
    if terminated or truncated:
        return _Grown(turn, None)
    return _Grown(turn, _child(joint, transition))


def _child(joint: _Joint, transition: Transition[Any]) -> _Node:
    """The history that follows a joint action."""
    node = joint.node
    own = {
        agent: node.histories[agent].after(joint.observations[agent], action)
        for agent, action in joint.actions.items()
    }
    histories = {**node.histories, **own}
    return _Node(node.tree, (*node.path, joint.branch), transition.state, histories, transition.reward)


def _tree(root: _Node, reset: Reset, failure: str | None) -> Tree:
    """Everything that grew from a root, depth first."""
    if failure is not None:
        return Tree(reset.task, reset.seed, failure=failure)
    turns: list[Turn] = []
    parents: list[int | None] = []
    waiting: list[tuple[int | None, _Grown]] = [(None, grown) for grown in reversed(root.grown)]
    while waiting:
        parent, grown = waiting.pop()
        if grown.node is not None:
            waiting.extend((len(turns), child) for child in reversed(grown.node.grown))
        turns.append(grown.turn)
        parents.append(parent)
    return Tree(reset.task, reset.seed, tuple(turns), tuple(parents))
