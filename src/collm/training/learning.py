"""Learns from a buffer of trees: values, advantages, one step for each critic and agent a minibatch."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from collm.agents.agent import Agent, Experience
from collm.agents.critic import Critic
from collm.agents.views import TEAM, critic_view
from collm.algorithms.base import Algorithm, Estimates, Valued
from collm.base.seeding import derive
from collm.functional.advantages import clipped, standardized
from collm.types import Action, Tree, Turn

Chosen = dict[int, list[int]]
"""A minibatch: for each tree's number the numbers of its chosen turns, in the order of ``tree.turns()``."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where in the run an update is; ``seed`` is the run's."""

    seed: int
    update: int
    planned_updates: int


@dataclass(slots=True)
class Lesson:
    """What was computed for single turns, kept for the record of the episodes.

    Keys are (tree number, turn number); values are by agent, or by critic for ``values``.
    """

    values: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    targets: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    advantages: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def learn(
    algorithm: Algorithm,
    agents: Mapping[str, Agent],
    critics: Mapping[str, Critic],
    trees: Sequence[Tree],
    progress: Progress,
) -> Lesson:
    """Take the optimizer steps of one buffer (lines 16-25 of Algorithm 1, 4-15 of Algorithm 2)."""
    lesson = Lesson()
    steps = list(_minibatches(algorithm, trees, progress))
    learners = agents if algorithm.agents_learn(progress.update) else {}
    behavior = {name: _behavior_logprobs(agent, name, trees, steps) for name, agent in learners.items()}
    collected: list[dict[str, float]] = []
    for chosen in steps:
        valued, measures = _update_critics(algorithm, critics, trees, chosen, progress, lesson)
        for name, agent in learners.items():
            estimates = {
                number: algorithm.estimate(
                    trees[number], name, valued.get((_critic_of(critics, name), number))
                )
                for number in chosen
            }
            experience = _experience(algorithm, name, trees, chosen, estimates, behavior[name], lesson)
            if experience:
                report = agent.update(
                    experience,
                    algorithm.policy_loss,
                    algorithm.reference_kl,
                    progress.update,
                    progress.planned_updates,
                )
                measures |= {f"{key}/{name}": value for key, value in report.items()}
        collected.append(measures)
    names = sorted({key for measures in collected for key in measures})
    for key in names:
        found = [measures[key] for measures in collected if key in measures]
        lesson.metrics[key] = sum(found) / len(found)
    lesson.metrics["optimizer_steps"] = float(len(steps))
    return lesson


def _minibatches(algorithm: Algorithm, trees: Sequence[Tree], progress: Progress) -> Iterator[Chosen]:
    """All joint turns, ``update_epochs`` times, in equal minibatches of about ``minibatch_size``.

    Trees are drawn in random order and their turns stay together, since one pass serves them all.
    Equal, because the few turns of a remainder would weigh as much as a whole minibatch.
    """
    turns = [[(number, index) for index in _sibling_order(tree)] for number, tree in enumerate(trees)]
    total = sum(map(len, turns))
    steps = max(1, round(total / (algorithm.minibatch_size or total)))
    for epoch in range(algorithm.update_epochs):
        random.Random(derive(progress.seed, "minibatches", progress.update, epoch)).shuffle(turns)
        order = [place for places in turns for place in places]
        for step in range(steps):
            chosen: Chosen = {}
            for number, index in sorted(order[total * step // steps : total * (step + 1) // steps]):
                chosen.setdefault(number, []).append(index)
            yield chosen


def _sibling_order(tree: Tree) -> list[int]:
    """The numbers of a tree's turns, siblings side by side, so that K of them can share a step."""
    turns = list(tree.turns())
    position = {id(turn): index for index, turn in enumerate(turns)}
    families = [tree.roots, *(turn.children for turn in turns)]
    return [position[id(turn)] for family in families for turn in family]


def _critic_of(critics: Mapping[str, Critic], agent: str) -> str:
    return TEAM if TEAM in critics else agent


def _update_critics(
    algorithm: Algorithm,
    critics: Mapping[str, Critic],
    trees: Sequence[Tree],
    chosen: Chosen,
    progress: Progress,
    lesson: Lesson,
) -> tuple[dict[tuple[str, int], Valued], dict[str, float]]:
    """Value the chosen trees with every critic and step it; the values are those before the step."""
    valued: dict[tuple[str, int], Valued] = {}
    measures: dict[str, float] = {}
    numbers = list(chosen)
    for name, critic in critics.items():

        def targets(position: int, values: Tensor, name: str = name) -> tuple[Tensor, Tensor]:
            number = numbers[position]
            turns = list(trees[number].turns())
            known = valued[name, number] = _per_turn(turns, values.cpu())
            agent = next(iter(turns[0].joint_action)) if name == TEAM else name
            wanted = algorithm.estimate(trees[number], agent, known).targets
            assert wanted is not None
            goals, weights = torch.zeros(len(values)), torch.zeros(len(values))
            for index in chosen[number]:
                goals[index], weights[index] = wanted[index], 1.0
                lesson.values.setdefault((number, index), {})[name] = float(known.values[index])
                lesson.targets.setdefault((number, index), {})[name] = float(wanted[index])
            return goals.to(values.device), weights.to(values.device)

        informed = critic.config.global_information
        views = [critic_view(name, next(trees[number].episodes()), informed) for number in numbers]
        report = critic.update(views, targets, progress.update, progress.planned_updates)
        measures |= {f"critic_{key}/{name}": value for key, value in report.items()}
    return valued, measures


def _per_turn(turns: Sequence[Turn], values: Tensor) -> Valued:
    """Split the values of an episode's passages into those before and after each turn."""
    after = torch.cat([values[1:], torch.zeros(1)])[: len(turns)]
    if turns[-1].terminated:
        after[-1] = 0.0
    return Valued(values[: len(turns)], after)


def _experience(
    algorithm: Algorithm,
    agent: str,
    trees: Sequence[Tree],
    chosen: Chosen,
    estimates: Mapping[int, Estimates],
    behavior: Mapping[int, float],
    lesson: Lesson,
) -> list[Experience]:
    """One agent's actions in the chosen turns; an action shared by several joint ones gets their mean."""
    shared: dict[int, list[tuple[int, int]]] = {}
    actions: dict[int, Action] = {}
    for place, action in _actions(trees, chosen, agent):
        actions[id(action)] = action
        shared.setdefault(id(action), []).append(place)
    means = [
        torch.stack([estimates[number].advantages[index] for number, index in places]).mean()
        for places in shared.values()
    ]
    if not means:
        return []
    advantages = torch.stack(means)
    if algorithm.advantage_normalization:
        advantages = standardized(advantages)
    advantages = clipped(advantages, algorithm.advantage_clip)
    experience = []
    for (key, places), advantage in zip(shared.items(), advantages.tolist(), strict=True):
        action = actions[key]
        experience.append(Experience(action.prompt_ids, action.token_ids, behavior.get(key), advantage))
        for place in places:
            lesson.advantages.setdefault(place, {})[agent] = advantage
    return experience


def _actions(trees: Sequence[Tree], chosen: Chosen, agent: str) -> Iterator[tuple[tuple[int, int], Action]]:
    """One agent's actions in the chosen turns, each with its (tree number, turn number)."""
    for number, indices in chosen.items():
        turns = list(trees[number].turns())
        for index in indices:
            action = turns[index].joint_action.get(agent)
            if action is not None and action.token_ids:
                yield (number, index), action


def _behavior_logprobs(
    agent: Agent, name: str, trees: Sequence[Tree], steps: Sequence[Chosen]
) -> dict[int, float]:
    """By identity, of the actions that are learned from once the agent has changed: after its first step."""
    drawn = [[action for _, action in _actions(trees, chosen, name)] for chosen in steps]
    later = {id(action): action for actions in [one for one in drawn if one][1:] for action in actions}
    return dict(zip(later, agent.behavior_logprobs(list(later.values())), strict=True)) if later else {}
