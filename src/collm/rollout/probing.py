"""Plays on from histories of a tree: greedy baselines, and alternatives to one agent's action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from collm.agents.policy import Policy
from collm.algorithms.base import Branching, Probe
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment
from collm.rollout.grower import Reset, Rollout, cost, grower_of
from collm.rollout.growing import grow
from collm.rollout.nodes import Node, turns_below
from collm.rollout.replaying import replay
from collm.types import History, Tree


def probed(
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    grown: Rollout,
    probes: Mapping[int, Sequence[Probe]],
) -> Rollout:
    """A rollout whose trees have the turns of some probes too, after those that they had.

    Args:
        grown: trees that these agents have played with these weights.
        probes: by the number of the tree.

    Raises:
        CollmError: if the environment breaks its contract.
    """
    for greedy in (False, True):
        chosen = {
            number: [probe for probe in asked if probe.greedy == greedy] for number, asked in probes.items()
        }
        if any(chosen.values()):
            grown = _played(hold(env), policies, grown, chosen, greedy)
    return grown


def _played(
    env: Held,
    policies: Mapping[str, Policy],
    grown: Rollout,
    probes: Mapping[int, Sequence[Probe]],
    greedy: bool,
) -> Rollout:
    resets = [Reset(tree.task, tree.seed) for tree in grown.trees]
    grower = grower_of(env, policies, resets, Branching(), greedy)
    nodes: dict[int, list[tuple[int | None, Node]]] = {}
    for number, asked in probes.items():
        with grower.noting(number):
            nodes[number] = list(_nodes(env, number, grown.trees[number], asked))
    grow(grower, [node for _, of_tree in sorted(nodes.items()) for _, node in of_tree])
    trees = [
        _extended(tree, nodes.get(number, []), grower.failures.get(number))
        for number, tree in enumerate(grown.trees)
    ]
    calls, tokens = cost(grower)
    total = {agent: count + tokens[agent] for agent, count in grown.tokens.items()}
    return Rollout(tuple(trees), grown.inference_calls + calls, total)


def _nodes(env: Held, number: int, tree: Tree, probes: Iterable[Probe]) -> Iterable[tuple[int | None, Node]]:
    """A node for each probe, with the number of the turn before it."""
    families = {parent: len(family) for parent, family in tree.families.items()}
    for probe in probes:
        parent = tree.parents[probe.beside]
        past = () if parent is None else tree.path(parent)
        turns = [tree.turns[one] for one in past]
        replies = [{name: action.text for name, action in turn.joint_action.items()} for turn in turns]
        beside = tree.turns[probe.beside]
        node = Node(
            tree=number,
            path=() if parent is None else tree.branches(parent),
            state=replay(env, tree.task, tree.seed, replies),
            histories={agent: _history(tree, past, agent) for agent in env.agents},
            last_reward=turns[-1].raw_reward if turns else None,
            first=families[parent],
            count=probe.samples,
            onward=probe.onward,
            learned=probe.learned,
            probe=probe.label,
        )
        if probe.agent is not None:
            node.fixed = {name: one for name, one in beside.joint_action.items() if name != probe.agent}
        families[parent] += probe.samples
        yield parent, node


def _history(tree: Tree, path: Sequence[int], agent: str) -> History:
    history = History()
    for number in path:
        turn = tree.turns[number]
        if agent in turn.joint_action:
            history = history.after(turn.observations[agent], turn.joint_action[agent])
    return history


def _extended(tree: Tree, nodes: Sequence[tuple[int | None, Node]], failure: str | None) -> Tree:
    if failure is not None:
        return Tree(tree.task, tree.seed, failure=failure)
    turns, parents = list(tree.turns), list(tree.parents)
    for parent, node in nodes:
        more, above = turns_below(node, parent, len(turns))
        turns += more
        parents += above
    return replace(tree, turns=tuple(turns), parents=tuple(parents))
