from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

import collm.algorithms
from collm.algorithms.base import Algorithm, Branching, CriticView, algorithms, make_algorithm, rewards_of
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.magrpo import MAGRPO
from collm.errors import CollmError
from collm.functional import TokenScores
from tests.trees import chain, turn

NAMES = sorted(algorithms())
OF_RATIOS = [name for name in NAMES if "ratio_clip" not in algorithms()[name].unused]
"""Those whose own keys decide the ratios in their loss."""


def test_every_algorithm_file_is_found() -> None:
    folder = Path(str(collm.algorithms.__file__)).parent
    shared = {
        "__init__",
        "base",
        "monte_carlo",
        "temporal_difference",
        "actor_critic",
        "ppo",
        "counterfactual",
        "factored",
        "monotonic",
        "preferences",
    }
    files = {path.stem for path in folder.glob("*.py")} - shared
    assert {cls.__module__.rpartition(".")[2] for cls in algorithms().values()} == files
    assert set(NAMES) >= {"magrpo", "collm_cc", "collm_dc"}


@pytest.mark.parametrize("name", NAMES)
def test_a_type_is_enough_and_is_read_back(name: str) -> None:
    algorithm = make_algorithm({"type": name})
    assert type(algorithm) is algorithms()[name]
    assert make_algorithm(algorithm.model_dump(mode="json")) == algorithm


@pytest.mark.parametrize("name", ["collm_cc", "collm_dc", "magrpo"])
def test_defaults_are_the_papers(name: str) -> None:
    algorithm = make_algorithm({"type": name})
    assert (algorithm.discount, algorithm.update_epochs, algorithm.minibatch_size) == (1.0, 1, None)
    assert (algorithm.ratio_clip, algorithm.advantage_clip, algorithm.reference_kl) == (None, None, 0.0)
    assert (algorithm.ratio, algorithm.entropy_bonus, algorithm.reference_kl_as) == ("sequence", 0.0, "k3")
    assert not algorithm.advantage_normalization


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_key_is_refused(name: str) -> None:
    with pytest.raises(CollmError, match="did you mean 'discount'") as caught:
        make_algorithm({"type": name, "discout": 0.9})
    assert caught.value.where == "algorithm.discout"


@pytest.mark.parametrize(
    ("config", "where", "problem"),
    [
        ({}, "algorithm.type", "no algorithm is named"),
        ({"type": 7}, "algorithm.type", "no algorithm is named"),
        ({"type": "ppo"}, "algorithm.type", "unknown type 'ppo'"),
        ({"type": "collm.base.seeding:derive"}, "algorithm.type", "is not a subclass of Algorithm"),
        ({"type": "collm_cc", "num_generations": 4}, "algorithm.num_generations", "unknown key"),
        ({"type": "magrpo", "trace_decay": 0.9}, "algorithm.trace_decay", "unknown key"),
        ({"type": "magrpo", "num_generations": 1}, "algorithm.num_generations", "greater than or equal to 2"),
        ({"type": "magrpo", "mode": "zip"}, "algorithm.mode", "'align' or 'cross'"),
        ({"type": "collm_dc", "discount": 1.5}, "algorithm.discount", "less than or equal to 1"),
        ({"type": "collm_dc", "trace_decay": -0.1}, "algorithm.trace_decay", "greater than or equal to 0"),
        ({"type": "collm_cc", "advantage_clip": 0}, "algorithm.advantage_clip", "greater than 0"),
        ({"type": "collm_cc", "ratio_clip": 1}, "algorithm.ratio_clip", "less than 1"),
        ({"type": "collm_cc", "update_epochs": 0}, "algorithm.update_epochs", "greater than or equal to 1"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, Any], where: str, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        make_algorithm(config)
    assert caught.value.where == where
    assert problem in caught.value.problem


def test_an_algorithm_of_ones_own_is_named_by_its_class() -> None:
    assert make_algorithm({"type": "collm.algorithms.magrpo:MAGRPO"}) == MAGRPO()


class ManySamples(CoLLMCC):
    """Several samples at each history, and a critic."""

    @property
    def branching(self) -> Branching:
        return Branching(2)


def test_a_critic_and_several_samples_go_together() -> None:
    algorithm = make_algorithm({"type": f"{__name__}:ManySamples"})
    assert algorithm.branching.num_samples == 2
    assert algorithm.critics(["a", "b"]) == {"central": CriticView()}


def test_algorithms_are_frozen() -> None:
    with pytest.raises(ValidationError):
        MAGRPO().discount = 0.5  # type: ignore[misc]


def test_rewards_are_joint_unless_the_environment_splits_them() -> None:
    grown = chain(turn(1.0), turn(2.0, rewards={"a": 5.0, "b": -3.0}))
    assert rewards_of(grown, "a").tolist() == [1.0, 5.0]
    assert rewards_of(grown, "b").tolist() == [1.0, -3.0]
    assert rewards_of(grown, None).tolist() == [1.0, 2.0]


def scores(reference: Tensor | None = None) -> TokenScores:
    """Two actions, of two tokens and of one; their ratios are 0.25 / 0.125 = 2 and 0.1 / 0.2 = 1 / 2."""
    return TokenScores(
        logprobs=torch.tensor([0.5, 0.5, 0.1]).log(),
        behavior=torch.tensor([0.25, 0.5, 0.2]).log(),
        owners=torch.tensor([0, 0, 1]),
        behavior_sums=torch.tensor([0.125, 0.2]).log(),
        advantages=torch.tensor([3.0, -4.0]),
        reference=reference,
    )


def made(name: str, **settings: object) -> Algorithm:
    """An algorithm with the paper's loss but for some settings."""
    return make_algorithm({"type": name, "ratio": "sequence", "entropy_bonus": 0, **settings})


@pytest.mark.parametrize("name", OF_RATIOS)
def test_the_policy_loss_is_the_plain_ratio_unless_clipped(name: str) -> None:
    plain, clipped = made(name, ratio_clip=None), made(name, ratio_clip=0.2)
    assert plain.policy_losses(scores()).tolist() == pytest.approx([-6.0, 2.0])
    assert clipped.policy_losses(scores()).tolist() == pytest.approx([-3.6, 3.2])


@pytest.mark.parametrize("name", OF_RATIOS)
def test_the_divergence_from_the_reference_is_weighed_and_added_for_whole_actions(name: str) -> None:
    # d = log(reference / policy) is log 2 and log 1/2 at the first action's tokens, 0 at the second's
    reference = torch.tensor([1.0, 0.25, 0.1]).log()
    first = (2 - math.log(2) - 1) + (0.5 + math.log(2) - 1)
    weighed = made(name, reference_kl=0.5, reference_kl_as="k3", ratio_clip=None)
    found = weighed.policy_losses(scores(reference)).tolist()
    assert found == pytest.approx([-6.0 + 0.5 * first, 2.0])


def test_each_token_is_clipped_by_itself() -> None:
    # ratios 2, 1 and 1/2; advantages 3, 3 and -4; the first and the last lie outside the clip
    plain, clipped = made("magrpo", ratio="token"), made("magrpo", ratio="token", ratio_clip=0.2)
    assert plain.policy_losses(scores()).tolist() == pytest.approx([-6.0 - 3.0, 2.0])
    assert clipped.policy_losses(scores()).tolist() == pytest.approx([-3.6 - 3.0, 3.2])
    shares = clipped.policy_measures(scores())["ratios_clipped"]
    assert shares.tolist() == [0.5, 1.0]
    assert plain.policy_measures(scores()) == {}


def test_the_mean_tokens_ratio_does_not_grow_with_length() -> None:
    # the root of 2 at two tokens, 1/2 at one
    plain, clipped = made("magrpo", ratio="geometric"), made("magrpo", ratio="geometric", ratio_clip=0.45)
    assert plain.policy_losses(scores()).tolist() == pytest.approx([-3 * 2**0.5, 2.0])
    assert clipped.policy_measures(scores())["ratios_clipped"].tolist() == [0.0, 1.0]


def gradient(algorithm: Algorithm, reference: list[float] | None = None) -> list[float]:
    """Of the losses of one action of two tokens and one of one, on the policy that drew them, by token."""
    now = torch.tensor([0.5, 0.25, 0.125]).log().requires_grad_()
    told = TokenScores(
        now,
        now.detach(),
        torch.tensor([0, 0, 1]),
        torch.tensor([0.125, 0.125]).log(),
        torch.tensor([3.0, -4.0]),
        None if reference is None else torch.tensor(reference).log(),
    )
    algorithm.policy_losses(told).sum().backward()
    assert now.grad is not None
    found: list[float] = now.grad.tolist()
    return found


@pytest.mark.parametrize("ratio", ["sequence", "token"])
def test_on_the_policys_own_samples_every_token_gets_the_whole_advantage(ratio: str) -> None:
    assert gradient(made("magrpo", ratio=ratio)) == pytest.approx([-3.0, -3.0, 4.0])


def test_the_mean_tokens_ratio_divides_by_the_length() -> None:
    assert gradient(made("magrpo", ratio="geometric")) == pytest.approx([-1.5, -1.5, 4.0])


def test_the_entropy_bonus_makes_each_tokens_surprise_its_advantage() -> None:
    plain, bonus = gradient(made("magrpo")), gradient(made("magrpo", entropy_bonus=0.5))
    surprises = [math.log(2), math.log(4), math.log(8)]
    assert [p - b for p, b in zip(plain, bonus, strict=True)] == pytest.approx([0.5 * s for s in surprises])


def test_the_divergence_can_be_charged_like_a_reward() -> None:
    # log-ratios log 2, 0 and -log 2; a token is charged for its own and the action's later ones
    reference = [0.25, 0.25, 0.25]
    plain, charged = (
        gradient(made("magrpo", reference_kl=weight, reference_kl_as="reward"), reference)
        for weight in (0.0, 0.5)
    )
    costs = [math.log(2), 0.0, -math.log(2)]
    assert [c - p for c, p in zip(charged, plain, strict=True)] == pytest.approx([0.5 * c for c in costs])
    early = gradient(made("magrpo", reference_kl=1.0, reference_kl_as="reward"), [0.5, 0.125, 0.125])
    assert early == pytest.approx([-3 + math.log(2), -3 + math.log(2), 4.0])


def test_half_the_squared_log_ratio_has_the_divergences_gradient() -> None:
    squared = gradient(made("magrpo", reference_kl=0.5, reference_kl_as="k2"), [0.25, 0.25, 0.25])
    assert squared == pytest.approx([-3 + 0.5 * math.log(2), -3.0, 4 - 0.5 * math.log(2)])
