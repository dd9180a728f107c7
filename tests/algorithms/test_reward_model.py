"""A learned reward: the gradient of its preferences, and methods that learn from what it says."""

from __future__ import annotations

import math

import pytest
import torch

from collm.algorithms.base import CriticView, Prediction, make_algorithm
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.learned_reward import LearnedReward
from collm.algorithms.remax import ReMax
from collm.algorithms.reward_model import REWARD, RewardModel
from collm.algorithms.rloo import RLOO
from collm.algorithms.temporal_difference import CENTRAL
from collm.errors import CollmError
from collm.functional.losses import value_losses
from tests.algorithms.predictions import values
from tests.trees import tree, turn


def says(*rewards: float) -> dict[str, Prediction]:
    after = torch.tensor(rewards)
    return {REWARD: Prediction(torch.full_like(after, math.nan), torch.full_like(after, math.nan), after)}


TWO_TURNS = tree(turn(0.0, turn(4.0), turn(2.0)), turn(1.0, turn(0.0), turn(0.0)))
"""The pairs are 0 over 3, and 1 over 2; below 3 there is a tie."""


def test_the_squared_loss_has_the_gradient_of_the_pairs() -> None:
    rewards = [0.3, -0.2, 0.9, 0.1, 0.5, -0.4]
    leaf = torch.tensor(rewards, requires_grad=True)
    ours = torch.tensor(rewards, requires_grad=True)
    first = leaf[0] + (leaf[1] + leaf[2]) / 2 - leaf[3] - (leaf[4] + leaf[5]) / 2
    second = leaf[1] - leaf[2]
    losses = [math.nan, math.nan]
    for index, margin in enumerate((first, second)):
        loss = torch.log1p(torch.exp(-margin))
        losses[index] = float(loss.detach())
        loss.backward(retain_graph=True)
    target = RewardModel().targets(TWO_TURNS, says(*rewards))[REWARD]
    assert target.after is not None
    value_losses(ours, target.after).sum().backward()
    assert leaf.grad is not None
    torch.testing.assert_close(ours.grad, leaf.grad)
    found = RewardModel().measures(TWO_TURNS, says(*rewards))
    assert sorted(found["preference_loss"]) == pytest.approx(sorted(losses))
    assert sorted(found["preference_accuracy"]) == [0.0, 1.0]


@pytest.mark.parametrize(
    "setting",
    [{"ratio_clip": 0.2}, {"advantage_normalization": True}, {"entropy_bonus": 0.1}, {"reference_kl": 0.1}],
)
def test_keys_about_losses_of_agents_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(
        CollmError, match=f"{next(iter(setting))} does nothing for the algorithm reward_model"
    ):
        make_algorithm({"type": "reward_model", **setting})


def test_ties_teach_nothing() -> None:
    tied = tree(turn(1.0), turn(1.0))
    target = RewardModel().targets(tied, says(0.5, -0.5))[REWARD]
    assert target.after is not None
    assert target.after.tolist() == [0.5, -0.5]
    assert RewardModel().measures(tied, says(0.5, -0.5))["preference_loss"] == []


def test_agents_do_not_learn_while_a_reward_model_does() -> None:
    algorithm = RewardModel()
    assert not any(algorithm.agents_learn(update) for update in range(9))
    assert algorithm.advantages(TWO_TURNS, "a", {}).isnan().all()
    assert algorithm.critics(["a", "b"]) == {REWARD: CriticView(None, ("after",))}


def test_a_method_sees_the_rewards_that_the_model_says() -> None:
    said = says(5.0, 1.0, 3.0, 2.0, 0.0, 0.0)
    learned = LearnedReward(method=RLOO(num_generations=2))
    expected = tree(turn(5.0, turn(1.0), turn(3.0)), turn(2.0, turn(0.0), turn(0.0)))
    assert learned.advantages(TWO_TURNS, "a", said).tolist() == RLOO().advantages(expected, "a", {}).tolist()


def test_critics_of_the_method_learn_beside_the_model() -> None:
    critics = LearnedReward(method=CoLLMCC(), reward_learns=False)
    assert list(critics.critics(["a"])) == [REWARD, CENTRAL]
    one, said = tree(turn(1.0)), says(0.25)
    both = {**said, CENTRAL: values([0.5], [0.0])}
    assert critics.advantages(one, "a", critics.mixed(both)).tolist() == [-0.25]
    targets = critics.targets(one, critics.mixed(both))
    learned, said_again = targets[CENTRAL].before, targets[REWARD].after
    assert learned is not None
    assert said_again is not None
    assert learned.tolist() == [0.25]
    assert said_again.tolist() == [0.25]  # nothing is taught


def test_the_model_may_learn_first() -> None:
    learned = LearnedReward(method=RLOO(), reward_warmup=2)
    assert [learned.agents_learn(update) for update in range(4)] == [False, False, True, True]


def test_what_the_method_asks_for_is_asked_for() -> None:
    learned = LearnedReward(method=ReMax(num_generations=2))
    assert learned.probes(TWO_TURNS) == ReMax().probes(TWO_TURNS)
    assert learned.branching == ReMax(num_generations=2).branching


def test_shared_keys_are_the_methods() -> None:
    method = {"type": "rloo", "discount": 0.5, "advantage_clip": 0.2, "minibatch_size": 4, "ratio_clip": 0.1}
    learned = make_algorithm({"type": "learned_reward", "method": method})
    assert (learned.discount, learned.advantage_clip, learned.minibatch_size) == (0.5, 0.2, 4)
    assert make_algorithm(learned.model_dump(mode="json")) == learned
    outside = make_algorithm({"type": "learned_reward", "discount": 0.5})
    assert isinstance(outside, LearnedReward)
    assert outside.method.discount == 0.5


@pytest.mark.parametrize("method", [{"type": "rloo"}, {"type": "rloo", "discount": 0.9}])
def test_a_number_in_quotes_outside_is_the_number(method: dict[str, object]) -> None:
    learned = make_algorithm({"type": "learned_reward", "discount": "0.9", "method": method})
    assert isinstance(learned, LearnedReward)
    assert learned.discount == learned.method.discount == 0.9


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"discount": 0.5, "method": {"type": "rloo", "discount": 1}},
            "discount is another one below method",
        ),
        ({"method": {"type": "reinforce"}}, "of which no pair can be made"),
        ({"method": {"type": "mappo", "value_clip": 0.2}, "reward_learns": False}, "must not clip values"),
        ({"method": {"type": "madpo"}}, "one that learns from rewards"),
        ({"method": {"type": "rloo", "bet": 1}}, "algorithm.method.bet"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        make_algorithm({"type": "learned_reward", **settings})
