"""Learns from a buffer of trees, a minibatch at a time: predict, estimate, batch, step.

Each of the four gives a frozen record to the next. A turn is named by the number of its tree in the
buffer and its own number in the tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from collm.agents.agent import Agent
from collm.agents.critic import Values
from collm.agents.learner import Sample, Step
from collm.agents.mixer import Mixer
from collm.agents.trunk import AnyCritic
from collm.agents.views import AnyView
from collm.algorithms.base import Algorithm, Prediction, Target
from collm.runs.records import Place, UpdateRecord
from collm.training.advantages import actions, advantages_of_actions
from collm.training.comparing import log_ratios
from collm.training.divergence import check_metrics
from collm.training.minibatches import Minibatch, Progress, minibatches
from collm.training.recording import means_of, merged, taught
from collm.training.scaling import follow, scaled
from collm.training.sharing import sharing_of, summed
from collm.training.values import prediction, value_measures, value_step
from collm.types import Tree


@dataclass(frozen=True, slots=True)
class Buffer:
    """What an update learns from, and who learns.

    Attributes:
        algorithm: decides everything but the arithmetic of models.
        agents: those that take steps in this update; some may share a policy.
        critics, views: all of the algorithm's, its mixers too, and what each of them reads.
        first: by tree, the mixed values before the first step, if the algorithm clips theirs.
    """

    algorithm: Algorithm
    agents: Mapping[str, Agent]
    views: Mapping[str, AnyView]
    critics: Mapping[str, AnyCritic | Mixer]
    trees: Sequence[Tree]
    progress: Progress
    first: Mapping[int, Mapping[str, Prediction]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the critics said of the trees of a minibatch.

    Attributes:
        inputs, values: by critic, in the order of the minibatch's trees.
        mixed: by tree, the values that the algorithm makes of them, by name.
    """

    inputs: Mapping[str, Sequence[Any]]
    values: Mapping[str, Values]
    mixed: Mapping[int, Mapping[str, Prediction]]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """What the algorithm makes of a minibatch.

    Attributes:
        targets: by tree, by the name of the mixed value.
        advantages: by agent, of each of its actions in the minibatch; normalized and clipped.
        measures: what normalization and clip did, by measure and agent.
    """

    targets: Mapping[int, Mapping[str, Target]]
    advantages: Mapping[str, Mapping[str, float]]
    measures: Mapping[str, float]


def learn(
    algorithm: Algorithm,
    agents: Mapping[str, Agent],
    critics: Mapping[str, AnyCritic | Mixer],
    trees: Sequence[Tree],
    progress: Progress,
) -> UpdateRecord:
    """Take the optimizer steps of one buffer (lines 16-25 of Algorithm 1, 4-15 of Algorithm 2).

    Args:
        agents: all of the team.
        critics: all of the algorithm's, its mixers too.
    """
    learners = {}
    if algorithm.agents_learn(progress.update):
        learners = {name: agent for name, agent in agents.items() if not agent.config.frozen}
    names = list(agents)
    views: dict[str, AnyView] = {**algorithm.critics(names), **algorithm.mixers(names)}
    buffer = Buffer(algorithm, learners, views, critics, trees, progress)
    plan = list(minibatches(trees, algorithm.minibatch_size, algorithm.update_epochs, progress))
    _begin_scales(buffer, plan[0])
    if algorithm.clips_values:
        buffer = replace(buffer, first=predict(buffer, _everything(trees)).mixed)
    behavior = _behavior_logprobs(buffer, plan)
    records = [_learned(buffer, one, known) for one, known in zip(plan, behavior, strict=True)]
    alone = replace(buffer, agents={})
    for minibatch in minibatches(trees, algorithm.minibatch_size, algorithm.critic_passes(), progress):
        check_metrics(_learned(alone, minibatch, {}).metrics, progress.update + 1)
    return merged(records)


def _learned(buffer: Buffer, minibatch: Minibatch, behavior: Mapping[str, tuple[float, ...]]) -> UpdateRecord:
    predictions = predict(buffer, minibatch)
    estimates = estimate(buffer, minibatch, predictions)
    steps = batch(buffer, minibatch, estimates, behavior)
    metrics = step(buffer, minibatch, predictions, estimates, steps)
    return _record(minibatch, buffer.trees, predictions, estimates, {**estimates.measures, **metrics})


def _everything(trees: Sequence[Tree]) -> Minibatch:
    return {number: tuple(range(len(tree.turns))) for number, tree in enumerate(trees)}


def _begin_scales(buffer: Buffer, minibatch: Minibatch) -> None:
    """Let critics that have seen no targets yet start from the first ones."""
    fresh = {name: one for name, one in scaled(buffer.critics).items() if one.awaits_scale}
    if fresh:
        alone = replace(buffer, agents={})
        follow(fresh, minibatch, estimate(alone, minibatch, predict(alone, minibatch)).targets)


def predict(buffer: Buffer, minibatch: Minibatch) -> Predictions:
    """What every critic says of the trees, before its step."""
    inputs: dict[str, list[Any]] = {
        name: [
            critic.read(
                buffer.trees[number],
                buffer.views[name],
                turns if buffer.algorithm.sees_next_alone else None,
            )
            for number, turns in minibatch.items()
        ]
        for name, critic in buffer.critics.items()
    }
    values = {name: critic.predict(inputs[name]) for name, critic in buffer.critics.items()}
    mixed = {}
    compared = log_ratios(buffer.algorithm, buffer.agents, buffer.trees, minibatch)
    for position, number in enumerate(minibatch):
        by_critic = {
            name: prediction(inputs[name][position], values[name].by_passage[position].cpu())
            for name in buffer.critics
        }
        mixed[number] = {**buffer.algorithm.mixed(by_critic), **compared.get(number, {})}
    return Predictions(inputs, values, mixed)


def estimate(buffer: Buffer, minibatch: Minibatch, predictions: Predictions) -> Estimates:
    """The critics' targets, and the agents' advantages."""
    algorithm, trees, mixed = buffer.algorithm, buffer.trees, predictions.mixed
    targets = {number: algorithm.targets(trees[number], mixed[number]) for number in minibatch}
    advantages: dict[str, Mapping[str, float]] = {}
    measures = means_of([algorithm.measures(trees[number], mixed[number]) for number in minibatch])
    for agent in buffer.agents:
        raw = {number: algorithm.advantages(trees[number], agent, mixed[number]) for number in minibatch}
        own = advantages_of_actions(algorithm, agent, trees, minibatch, raw)
        advantages[agent] = own.by_action
        measures |= {f"{key}/{agent}": value for key, value in own.measures.items()}
    return Estimates(targets, advantages, measures)


def batch(
    buffer: Buffer, minibatch: Minibatch, estimates: Estimates, behavior: Mapping[str, tuple[float, ...]]
) -> dict[str, Step]:
    """The step of each policy that has actions to learn from, by the agent whose own it is."""
    steps, progress = {}, buffer.progress
    for owner, sharing in sharing_of(buffer.agents).items():
        parts = [_samples(buffer, minibatch, estimates, behavior, agent) for agent in sharing]
        acting = [samples for samples in parts if samples]
        if acting:
            steps[owner] = Step(
                tuple(one for samples in acting for one in samples),
                summed(buffer.algorithm.policy_losses, len(acting)),
                buffer.algorithm.reference_kl > 0,
                progress.update,
                progress.planned_updates,
                buffer.algorithm.policy_measures,
            )
    return steps


def _samples(
    buffer: Buffer,
    minibatch: Minibatch,
    estimates: Estimates,
    behavior: Mapping[str, tuple[float, ...]],
    agent: str,
) -> list[Sample]:
    advantages = estimates.advantages[agent]
    own = {key: action for _, key, action in actions(buffer.trees, minibatch, agent)}
    return [
        Sample(action.prompt_ids, action.token_ids, behavior.get(key), advantages[key], action.token_logprobs)
        for key, action in own.items()
        if key in advantages
    ]


def step(
    buffer: Buffer,
    minibatch: Minibatch,
    predictions: Predictions,
    estimates: Estimates,
    steps: Mapping[str, Step],
) -> dict[str, float]:
    """Step every critic, then every agent; what they report, by measure and name.

    All are asked for their steps before the first report is read: they may be elsewhere.
    """
    metrics = _step_critics(buffer, minibatch, predictions, estimates) if buffer.critics else {}
    reports = {name: buffer.agents[name].update(one) for name, one in steps.items()}
    for name, report in reports.items():
        metrics |= {f"{key}/{name}": value for key, value in report.items()}
    return metrics


def _step_critics(
    buffer: Buffer, minibatch: Minibatch, predictions: Predictions, estimates: Estimates
) -> dict[str, float]:
    lessons = [
        value_step(
            buffer.algorithm,
            {name: inputs[position] for name, inputs in predictions.inputs.items()},
            {name: values.by_passage[position].cpu() for name, values in predictions.values.items()},
            estimates.targets[number],
            turns,
            buffer.first.get(number),
        )
        for position, (number, turns) in enumerate(minibatch.items())
    ]
    metrics, progress = value_measures(lessons), buffer.progress
    reports = {
        name: critic.update(
            predictions.inputs[name],
            predictions.values[name],
            [lesson.gradients[name] for lesson in lessons],
            1 / sum(map(len, minibatch.values())),
            progress.update,
            progress.planned_updates,
        )
        for name, critic in buffer.critics.items()
    }
    for name, report in reports.items():
        metrics |= {f"critic_{key}/{name}": value for key, value in report.items()}
    follow(scaled(buffer.critics), minibatch, estimates.targets)
    return metrics


def _behavior_logprobs(buffer: Buffer, plan: Sequence[Minibatch]) -> list[dict[str, tuple[float, ...]]]:
    """For each minibatch, of the actions whose agent has changed by then: after its first step, or before.

    Scored a minibatch at a time, so that half precision rounds as it will in the update.
    """
    logprobs: list[dict[str, tuple[float, ...]]] = [{} for _ in plan]
    for owner, sharing in sharing_of(buffer.agents).items():
        changed = stale = buffer.progress.staleness > 0
        for minibatch, known in zip(plan, logprobs, strict=True):
            acted = {key: one for name in sharing for _, key, one in actions(buffer.trees, minibatch, name)}
            own = {key: one for key, one in acted.items() if one.token_logprobs}
            if changed:
                drawn, learner = list(own.values()), buffer.agents[owner].learner
                said = [one.token_logprobs for one in drawn] if stale else learner.behavior_logprobs(drawn)
                known |= zip(own, said, strict=True)
            changed |= bool(acted)
    return logprobs


def _record(
    minibatch: Minibatch,
    trees: Sequence[Tree],
    predictions: Predictions,
    estimates: Estimates,
    metrics: Mapping[str, float],
) -> UpdateRecord:
    """What one minibatch says of its turns."""
    values: dict[Place, Mapping[str, float]] = {}
    targets: dict[Place, Mapping[str, float]] = {}
    advantages: dict[Place, dict[str, float]] = {}
    for number, turns in minibatch.items():
        for turn in turns:
            pairs = {
                name: taught(predictions.mixed[number][name], target, turn)
                for name, target in estimates.targets[number].items()
            }
            values[number, turn] = {name: predicted for name, (predicted, _) in pairs.items()}
            targets[number, turn] = {name: goal for name, (_, goal) in pairs.items()}
    for agent, of_agent in estimates.advantages.items():
        for place, key, _ in actions(trees, minibatch, agent):
            if key in of_agent:
                advantages.setdefault(place, {})[agent] = of_agent[key]
    return UpdateRecord(values, targets, advantages, metrics)
