from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collm.agents.policy import Actions, Request
from collm.config.tree import EvaluationConfig
from collm.engines.base import Deferred
from collm.env import Transition
from collm.envs.probes import ObservationProbe, ProbeState
from collm.errors import CollmError, InfrastructureError
from collm.evaluation.evaluate import evaluate
from collm.types import Action


class Policy:
    """Chooses one where its seed is even, zero where it is odd, and always one when it is greedy."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.seeds += [seed for request in requests for seed in request.seeds]
        return Deferred(lambda: [tuple(self._action(seed, greedy) for seed in one.seeds) for one in requests])

    def release(self) -> None:
        pass

    def _action(self, seed: int, greedy: bool) -> Action:
        one = greedy or seed % 2 == 0
        return Action("B" if one else "A", token_ids=(1, 2) if greedy else (1,))


class Breaking(ObservationProbe):
    """Its sandbox dies on some tasks."""

    broken: tuple[str, ...] = ()

    def step(self, state: ProbeState, replies: Mapping[str, str]) -> Transition[ProbeState]:
        if state.task.id in self.broken:
            raise InfrastructureError("the sandbox died")
        return super().step(state, replies)


def played(config: EvaluationConfig, seed: int = 0, env: Any = None) -> tuple[Any, dict[str, Policy]]:
    policies = {"a": Policy(), "b": Policy()}
    return evaluate(env or ObservationProbe(), policies, config, seed), policies


def test_every_task_is_played_as_often_as_asked_and_once_greedily() -> None:
    found, policies = played(EvaluationConfig(samples=3))
    assert [tree.task.id for tree in found.sampled] == [
        bits for bits in ("00", "01", "10", "11") for _ in range(3)
    ]
    assert [tree.task.id for tree in found.greedy] == ["00", "01", "10", "11"]
    assert len(policies["a"].seeds) == 4 * 3 + 4
    assert len(set(policies["a"].seeds[:12])) == 12


def test_measures_of_greedy_play_stand_beside_the_sampled_ones() -> None:
    found, _ = played(EvaluationConfig())
    assert found.measures["return_mean"] == pytest.approx(
        sum(turn.reward for tree in found.sampled for turn in tree.roots) / 4
    )
    assert found.measures["greedy_return_mean"] == 0.5
    assert (found.measures["greedy_chosen"], found.measures["greedy_final_chosen"]) == (1.0, 1.0)
    assert (found.measures["tokens"], found.measures["greedy_tokens"]) == (1.0, 2.0)
    assert (found.measures["failures"], found.measures["greedy_failures"]) == (0.0, 0.0)


def test_greedy_play_can_be_left_out() -> None:
    found, _ = played(EvaluationConfig(greedy=False))
    assert found.greedy == ()
    assert not any(name.startswith("greedy") for name in found.measures)


def test_only_the_first_tasks_are_played_if_asked() -> None:
    found, _ = played(EvaluationConfig(tasks=3))
    assert [tree.task.id for tree in found.sampled] == ["00", "01", "10"]


def test_the_noise_depends_on_the_seed_the_task_and_the_sample_alone() -> None:
    whole, part, more = (
        played(config)[0]
        for config in (EvaluationConfig(), EvaluationConfig(tasks=2), EvaluationConfig(samples=2))
    )
    assert whole.sampled[:2] == part.sampled
    assert whole.sampled == more.sampled[::2]
    assert whole.measures == played(EvaluationConfig())[0].measures
    assert played(EvaluationConfig())[1]["a"].seeds != played(EvaluationConfig(), seed=1)[1]["a"].seeds


def test_failed_episodes_are_counted_and_are_no_zero_rewards() -> None:
    found, _ = played(EvaluationConfig(), env=Breaking(broken=("00", "10")))
    assert [tree.failure for tree in found.sampled] == ["the sandbox died", None, "the sandbox died", None]
    assert (found.measures["failures"], found.measures["greedy_failures"]) == (2.0, 2.0)
    assert found.measures["greedy_return_mean"] == 0.75


def test_an_evaluation_in_which_all_failed_is_an_error() -> None:
    with pytest.raises(CollmError, match="every episode failed: the sandbox died"):
        played(EvaluationConfig(), env=Breaking(broken=("00", "01", "10", "11")))
