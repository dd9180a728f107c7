"""Plays a split with a team, sampled and greedily, with the same noise every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collm.agents.policy import Policy
from collm.base.seeding import derive
from collm.config.tree import EvaluationConfig
from collm.contract.held import Held, hold
from collm.env import AnyEnvironment, Split
from collm.errors import CollmError
from collm.evaluation.measures import mean_tokens, measures
from collm.rollout import Reset, rollout
from collm.types import Tree


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measures by name, greedy ones prefixed with ``greedy_``, and the trees behind them.

    A tree that failed counts in ``failures`` and in no other measure.
    """

    measures: Mapping[str, float]
    sampled: tuple[Tree, ...]
    greedy: tuple[Tree, ...] = ()


def evaluate(
    env: AnyEnvironment | Held,
    policies: Mapping[str, Policy],
    config: EvaluationConfig,
    seed: int,
    split: Split = "test",
) -> Evaluation:
    """Play every task of a split.

    The noise depends on ``seed``, the task and the sample alone, so two evaluations of one team agree,
    and before and after are compared at equal settings.

    Raises:
        CollmError: if no episode could be played.
    """
    held = hold(env)
    tasks = held.tasks(split)[: config.tasks]
    resets = [
        Reset(task, episode_seed(seed, task.id, sample)) for task in tasks for sample in range(config.samples)
    ]
    sampled, averages = _played(held, policies, resets)
    if not config.greedy:
        return Evaluation(averages, sampled)
    greedy, measured = _played(held, policies, resets[:: config.samples], greedy=True)
    averages |= {f"greedy_{name}": value for name, value in measured.items()}
    return Evaluation(averages, sampled, greedy)


def episode_seed(seed: int, task: str, sample: int) -> int:
    """What decides all randomness of one episode."""
    return derive(seed, "evaluate", task, sample)


def _played(
    env: Held, policies: Mapping[str, Policy], resets: Sequence[Reset], greedy: bool = False
) -> tuple[tuple[Tree, ...], dict[str, float]]:
    """The trees, and the measures of those that did not fail."""
    grown = rollout(env, policies, resets, greedy=greedy)
    if not grown.sound:
        problem = f"every episode failed: {grown.trees[0].failure}."
        raise CollmError(env.place(), problem, "mend its infrastructure.")
    failures = float(len(grown.trees) - len(grown.sound))
    return grown.trees, {**measures(grown.sound), "tokens": mean_tokens(grown.sound), "failures": failures}
