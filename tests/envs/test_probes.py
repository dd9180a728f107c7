from __future__ import annotations

from itertools import product
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.contract.check_env import check_env
from collm.env import environments, make_env
from collm.envs.probes import (
    BitsTask,
    ConstantProbe,
    CoordinationProbe,
    CreditProbe,
    JointProbe,
    ObservationProbe,
    Probe,
    choice,
)
from collm.errors import CollmError

PROBES = [cls.model_validate({}) for cls in Probe.__subclasses__()]
ZERO, ONE = "A", "B"


def play(env: Probe, bits: tuple[int, int], *turns: tuple[int, int]) -> list[float]:
    """Rewards of a play in which the agents choose the given bits."""
    state = env.reset(BitsTask("task", bits), seed=0)
    rewards: list[float] = []
    for turn in turns:
        replies = dict(zip(env.agents, ((ZERO, ONE)[bit] for bit in turn), strict=True))
        transition = env.step(state, replies)
        state = transition.state
        rewards.append(transition.reward)
    assert transition.terminated
    return rewards


def test_all_probes_are_found() -> None:
    found = {name: cls for name, cls in environments().items() if name.startswith("probe_")}
    assert found == {env.type: type(env) for env in PROBES}
    assert len(found) == 5


@pytest.mark.parametrize("env", PROBES, ids=lambda env: env.type)
def test_probes_keep_the_contract(env: Probe) -> None:
    check_env(env, tasks_per_split=4)


@pytest.mark.parametrize("env", PROBES, ids=lambda env: env.type)
def test_the_optimum_is_that_of_the_best_team(env: Probe) -> None:
    """Over all ways to choose, even with both bits known; no probe needs them to be told apart."""
    joint_choices: list[tuple[int, int]] = [(0, 0), (0, 1), (1, 0), (1, 1)]
    best = [
        max(sum(play(env, task.bits, *turns)) for turns in product(joint_choices, repeat=env.num_turns))
        for task in env.tasks("train")
    ]
    assert fmean(best) == env.optimum


@pytest.mark.parametrize("env", PROBES, ids=lambda env: env.type)
def test_critics_get_nothing_but_histories(env: Probe) -> None:
    assert env.global_information(0, None) == env.global_information(1, 0.5) == ""


@pytest.mark.parametrize(
    ("reply", "bit"), [("", 0), ("A", 0), ("B", 1), ("BA", 1), ("0", 1), ("雪", 1), ("雫", 0)]
)
def test_a_reply_is_the_parity_of_its_first_character(reply: str, bit: int) -> None:
    assert choice(reply) == bit


@given(st.text())
def test_any_reply_is_a_choice(reply: str) -> None:
    assert choice(reply) in (0, 1)


def test_constant_pays_the_share_of_ones() -> None:
    assert [play(ConstantProbe(), (0, 1), c) for c in ((0, 0), (0, 1), (1, 1))] == [[0.0], [0.5], [1.0]]


def test_observation_pays_the_share_of_bits_repeated() -> None:
    env = ObservationProbe()
    shown = env.observe(env.reset(BitsTask("01", (0, 1)), 0))
    assert {agent: observation.text for agent, observation in shown.items()} == {"a": "0", "b": "1"}
    assert [play(env, (0, 1), c) for c in ((0, 1), (1, 1), (1, 0))] == [[1.0], [0.5], [0.0]]


def test_credit_pays_the_first_choice_at_the_second_turn() -> None:
    env = CreditProbe()
    assert play(env, (0, 0), (1, 1), (0, 0)) == [0.0, 1.0]
    assert play(env, (0, 0), (1, 0), (1, 1)) == [0.0, 0.5]
    assert play(env, (0, 0), (0, 0), (1, 1)) == [0.0, 0.0]
    state = env.step(env.reset(BitsTask("00", (0, 0)), 0), {"a": ONE, "b": ZERO}).state
    assert {agent: seen.text for agent, seen in env.observe(state).items()} == {"a": "1", "b": "0"}


def test_coordination_pays_two_ones_alone() -> None:
    env = CoordinationProbe()
    rewards = [play(env, (0, 0), one) for one in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert rewards == [[0.0], [0.0], [0.0], [1.0]]


def test_joint_pays_for_choices_and_for_what_was_shown() -> None:
    env = JointProbe()
    assert [play(env, bits, (1, 1)) for bits in ((0, 0), (0, 1), (1, 1))] == [[0.5], [0.75], [1.0]]
    assert play(env, (1, 1), (0, 0)) == [0.5]


def test_one_history_explains_half_of_what_both_explain() -> None:
    """Variance of the joint probe's returns left open by one agent's bit, for a team that chooses ones."""
    env = JointProbe()
    returns = {task.bits: play(env, task.bits, (1, 1))[0] for task in env.tasks("train")}
    total = fmean((value - fmean(returns.values())) ** 2 for value in returns.values())
    local = {bit: fmean(v for bits, v in returns.items() if bits[0] == bit) for bit in (0, 1)}
    left = fmean((value - local[bits[0]]) ** 2 for bits, value in returns.items())
    assert 1 - left / total == pytest.approx(env.local_explained_variance)


def test_tasks_are_all_pairs_of_bits() -> None:
    assert [task.bits for task in ConstantProbe().tasks("train")] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert ConstantProbe().parse_task({"bits": [1, 0]}, "row") == BitsTask("10", (1, 0))


@pytest.mark.parametrize("bits", [None, "01", [0], [0, 1, 0], [0, 2]])
def test_a_row_without_two_bits_is_refused(bits: Any) -> None:
    with pytest.raises(CollmError, match=r"row.bits: must be two bits"):
        ConstantProbe().parse_task({"bits": bits}, "row")


def test_the_number_of_turns_is_fixed() -> None:
    with pytest.raises(CollmError):
        make_env({"type": "probe_credit", "num_turns": 1})
