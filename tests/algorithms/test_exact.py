"""Expected gradients by enumeration: every tree, its probability, and the algorithm's own advantages.

What an estimator is said to be unbiased in must equal the gradient of the expected return, worked out by
automatic differentiation; the others must miss it by just what their pages say.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from collm.algorithms.base import Algorithm, Prediction
from collm.algorithms.c3 import C3
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.coma import COMA
from collm.algorithms.ippo import IPPO
from collm.algorithms.magrpo import MAGRPO
from collm.algorithms.mappo import MAPPO
from collm.algorithms.max_baseline import MaxBaseline
from collm.algorithms.reinforce import Reinforce
from collm.algorithms.reinforce_pp import ReinforcePP
from collm.algorithms.remax import ReMax
from collm.algorithms.rloo import RLOO
from collm.algorithms.temporal_difference import CENTRAL
from collm.algorithms.vdn import VDN
from collm.types import Tree
from tests.algorithms.tabular import Critic, Game, Growing, Past, moments, said

ONE = Game(1, lambda past: past[-1][0], [[0.5]])
"""T1: one agent is paid its bit. The gradient is 1/4."""

BOTH = Game(1, lambda past: past[-1][0] * past[-1][1], [[0.5, 0.5]])
"""T2: two agents are paid if both say one. The gradient is 1/8."""

UNEVEN = Game(
    1, lambda past: 2.0 * past[-1][0] * past[-1][1] - past[-1][1] + 0.25 * past[-1][0], [[0.3, 0.6]]
)
"""One turn whose pay an agent's partner shapes, with policies that are not even."""


def paid_late(past: Past) -> float:
    """Something at once, and at the end a pay that both turns of both agents decide."""
    if len(past) == 1:
        return 0.5 * past[0][0] - 1.0 * past[0][1]
    return float(past[0][0] == past[1][1]) + 2.0 * past[1][0] * past[0][1]


LATE = Game(2, paid_late, [[0.3, 0.6], [0.8, 0.45]])


def right(growing: Growing) -> dict[str, Prediction]:
    """A joint critic that knows the truth."""
    game = growing.game
    return {CENTRAL: said(growing, game.value, game.worth)}


def wrong(growing: Growing) -> dict[str, Prediction]:
    """Critics with opinions of their own; an agent's sees its own bits alone."""

    def opinion(agent: int | None) -> Prediction:
        def value(past: Past) -> float:
            bits = [bit for joint in past for i, bit in enumerate(joint) if agent in (None, i)]
            return 0.75 + sum((k + 1) * 0.5 * bit for k, bit in enumerate(bits))

        return said(growing, value)

    return {CENTRAL: opinion(None), "a": opinion(0), "b": opinion(1)}


PLACES = [(agent, turn) for agent in (0, 1) for turn in (0, 1)]


@pytest.mark.parametrize(
    "algorithm",
    [Reinforce(), RLOO(num_generations=2), ReMax(), C3(alternatives=0), C3(alternatives=1), ReinforcePP()],
    ids=lambda one: one.type,
)
def test_without_a_critic_the_mean_is_the_gradient(algorithm: Algorithm) -> None:
    for agent in (0, 1):
        assert moments(algorithm, UNEVEN, agent)[0] == pytest.approx(UNEVEN.gradient(agent, 0), abs=1e-6)


@pytest.mark.parametrize("algorithm", [Reinforce(), ReMax()], ids=lambda one: one.type)
@pytest.mark.parametrize(("agent", "turn"), PLACES)
def test_credit_goes_back_over_turns(algorithm: Algorithm, agent: int, turn: int) -> None:
    found, _ = moments(algorithm, LATE, agent, turn)
    assert found == pytest.approx(LATE.gradient(agent, turn), abs=1e-6)


def test_replays_give_credit_over_turns() -> None:
    """Each agent's alternatives at each turn, played to the end: 4096 trees."""
    assert moments(C3(alternatives=1), LATE)[0] == pytest.approx(LATE.gradient(0, 0), abs=1e-6)


def test_credit_goes_back_over_a_tree_of_pairs() -> None:
    """One agent, two turns, two samples at each history: 64 trees."""
    alone = Game(2, lambda past: past[-1][0] * (1 + past[0][0]), [[0.3], [0.6]])
    for algorithm in (RLOO(num_generations=2), Reinforce(num_generations=2), ReMax(num_generations=2)):
        for turn in (0, 1):
            found, _ = moments(algorithm, alone, 0, turn)
            assert found == pytest.approx(alone.gradient(0, turn), abs=1e-6), algorithm.type


def test_three_samples_and_crossed_ones_are_unbiased_too() -> None:
    for algorithm in (RLOO(num_generations=3), RLOO(num_generations=2, mode="cross")):
        for agent in (0, 1):
            found, _ = moments(algorithm, UNEVEN, agent)
            assert found == pytest.approx(UNEVEN.gradient(agent, 0), abs=1e-6)


def naive(self: RLOO, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> torch.Tensor:
    """Leave out one joint action, though others share the agent's own."""
    rewards = [turn.reward for turn in tree.turns]
    return torch.tensor([one - (sum(rewards) - one) / (len(rewards) - 1) for one in rewards])


def test_a_baseline_that_shares_the_agents_action_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RLOO, "advantages", naive)
    found, _ = moments(RLOO(num_generations=2, mode="cross"), UNEVEN, 0)
    assert abs(found - UNEVEN.gradient(0, 0)) > 0.01


@pytest.mark.parametrize(("agent", "turn"), PLACES)
@pytest.mark.parametrize(
    ("algorithm", "critic"),
    [
        (CoLLMCC(), right),
        (CoLLMCC(trace_decay=0.5), right),
        (CoLLMCC(trace_decay=1), wrong),
        (CoLLMCC(n_step=2), wrong),
        (CoLLMDC(trace_decay=1), wrong),
        (MAPPO(trace_decay=1), wrong),
        (IPPO(trace_decay=1), wrong),
    ],
    ids=lambda one: getattr(one, "type", getattr(one, "__name__", "")),
)
def test_a_right_critic_or_a_full_trace_gives_the_gradient(
    algorithm: Algorithm, critic: Critic, agent: int, turn: int
) -> None:
    found, _ = moments(algorithm, LATE, agent, turn, critic)
    assert found == pytest.approx(LATE.gradient(agent, turn), abs=1e-6)


def test_a_wrong_critic_biases_short_traces() -> None:
    for algorithm in (CoLLMCC(), CoLLMDC(), MAPPO()):
        found, _ = moments(algorithm, LATE, 0, 0, wrong)
        assert abs(found - LATE.gradient(0, 0)) > 0.005


@pytest.mark.parametrize("agent", [0, 1])
def test_counterfactual_credit_is_the_gradient_if_the_value_is_right(agent: int) -> None:
    for algorithm in (COMA(alternatives=1), COMA(alternatives=2)):
        found, _ = moments(algorithm, UNEVEN, agent, 0, right)
        assert found == pytest.approx(UNEVEN.gradient(agent, 0), abs=1e-6)


def test_counterfactual_credit_goes_back_over_turns() -> None:
    assert moments(COMA(alternatives=1), LATE, 1, 0, right)[0] == pytest.approx(LATE.gradient(1, 0), abs=1e-6)


def terms(growing: Growing) -> dict[str, Prediction]:
    """The best sum of one term for each agent: with even policies, what is expected given its own bit."""
    game = growing.game

    def term(agent: int) -> Prediction:
        def worth(past: Past) -> float:
            alike = [joint for joint in game.joints() if joint[agent] == past[-1][agent]]
            return sum(game.reward((joint,)) for joint in alike) / len(alike) - game.value(()) / 2

        return said(growing, lambda past: 0.0, worth)

    return {"a": term(0), "b": term(1)}


def test_factored_values_are_exact_where_rewards_add_up() -> None:
    added = Game(1, lambda past: 2.0 * past[-1][0] - past[-1][1], [[0.5, 0.5]])
    for agent in (0, 1):
        found, _ = moments(VDN(alternatives=1), added, agent, 0, terms)
        assert found == pytest.approx(added.gradient(agent, 0), abs=1e-6)


def test_factored_values_give_no_credit_for_an_exclusive_or() -> None:
    differ = Game(1, lambda past: float(past[-1][0] != past[-1][1]), [[0.5, 0.5]])
    assert moments(VDN(alternatives=1), differ, 0, 0, terms) == pytest.approx((0.0, 0.0))
    assert moments(COMA(alternatives=1), differ, 0, 0, right)[1] > 0


@pytest.mark.parametrize(
    ("algorithm", "mean", "variance"),
    [
        (Reinforce(num_generations=2), 1 / 4, 1 / 32),
        (MAGRPO(num_generations=2), 1 / 8, 1 / 64),
        (MAGRPO(num_generations=2, scale_by_std=True), 1 / 4, 1 / 16),
        (RLOO(num_generations=2), 1 / 4, 1 / 16),
        (ReMax(num_generations=2), 1 / 4, 1 / 32),
        (MaxBaseline(num_generations=2), 1 / 8, 1 / 64),
    ],
    ids=lambda one: getattr(one, "type", None),
)
def test_the_table_of_one_bit(algorithm: Algorithm, mean: float, variance: float) -> None:
    assert moments(algorithm, ONE) == pytest.approx((mean, variance), abs=1e-5)


def test_the_biases_that_the_pages_tell() -> None:
    for count in (2, 3):
        found, _ = moments(MAGRPO(num_generations=count), UNEVEN, 0)
        assert found == pytest.approx((count - 1) / count * UNEVEN.gradient(0, 0), abs=1e-6)
    assert moments(MaxBaseline(num_generations=3), ONE)[0] == pytest.approx(3 / 16)


def test_deviation_hides_how_much_is_at_stake() -> None:
    tenfold = Game(1, lambda past: 10 * past[-1][0], [[0.5]])
    by_deviation = MAGRPO(num_generations=2, scale_by_std=True)
    assert moments(by_deviation, tenfold) == pytest.approx(moments(by_deviation, ONE), abs=1e-5)


@pytest.mark.parametrize(
    ("algorithm", "variance"),
    [
        (Reinforce(), 3 / 64),
        (CoLLMCC(), 1 / 32),
        (COMA(alternatives=1), 3 / 64),
        (COMA(alternatives=2), 1 / 32),
    ],
    ids=["raw", "value baseline", "one alternative", "two alternatives"],
)
def test_the_table_of_two_bits(algorithm: Algorithm, variance: float) -> None:
    assert moments(algorithm, BOTH, 0, 0, right) == pytest.approx((1 / 8, variance))


def test_the_variance_of_a_tree_falls_slower_than_independent_subtrees_would() -> None:
    """T3: two samples at each of two turns; only the deepest noise is divided by four."""
    last = Game(2, lambda past: past[-1][0] if len(past) == 2 else 0.0, [[0.5], [0.5]])
    first = Game(2, lambda past: past[0][0] if len(past) == 1 else 0.0, [[0.5], [0.5]])
    both = Game(2, lambda past: past[0][0] * past[1][0] if len(past) == 2 else 0.0, [[0.5], [0.5]])
    found = [moments(Reinforce(num_generations=2), game)[1] for game in (last, first, both)]
    assert found == pytest.approx([3 / 64, 1 / 32, 1 / 64])
