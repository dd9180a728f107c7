from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

import collm.algorithms
from collm.algorithms.base import Branching, CriticView, algorithms, make_algorithm, rewards_of
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.magrpo import MAGRPO
from collm.errors import CollmError
from collm.functional import TokenScores
from tests.trees import chain, turn

NAMES = sorted(algorithms())


def test_every_algorithm_file_is_found() -> None:
    folder = Path(str(collm.algorithms.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "actor_critic"}
    assert {cls.__module__.rpartition(".")[2] for cls in algorithms().values()} == files
    assert set(NAMES) >= {"magrpo", "collm_cc", "collm_dc"}


@pytest.mark.parametrize("name", NAMES)
def test_a_type_is_enough_and_is_read_back(name: str) -> None:
    algorithm = make_algorithm({"type": name})
    assert type(algorithm) is algorithms()[name]
    assert make_algorithm(algorithm.model_dump(mode="json")) == algorithm


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_the_papers(name: str) -> None:
    algorithm = make_algorithm({"type": name})
    assert (algorithm.discount, algorithm.update_epochs, algorithm.minibatch_size) == (1.0, 1, None)
    assert (algorithm.ratio_clip, algorithm.advantage_clip, algorithm.reference_kl) == (None, None, 0.0)
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


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_loss_is_the_plain_ratio_unless_clipped(name: str) -> None:
    plain, clipped = make_algorithm({"type": name}), make_algorithm({"type": name, "ratio_clip": 0.2})
    assert plain.policy_losses(scores()).tolist() == pytest.approx([-6.0, 2.0])
    assert clipped.policy_losses(scores()).tolist() == pytest.approx([-3.6, 3.2])


@pytest.mark.parametrize("name", NAMES)
def test_the_divergence_from_the_reference_is_weighed_and_added_for_whole_actions(name: str) -> None:
    # d = log(reference / policy) is log 2 and log 1/2 at the first action's tokens, 0 at the second's
    reference = torch.tensor([1.0, 0.25, 0.1]).log()
    first = (2 - math.log(2) - 1) + (0.5 + math.log(2) - 1)
    weighed = make_algorithm({"type": name, "reference_kl": 0.5})
    found = weighed.policy_losses(scores(reference)).tolist()
    assert found == pytest.approx([-6.0 + 0.5 * first, 2.0])
