from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import ValidationError

import collm.algorithms
from collm.algorithms.base import CriticView, algorithms, make_algorithm, parents_of, rewards_of
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.magrpo import MAGRPO
from collm.errors import CollmError
from tests.trees import chain, tree, turn

NAMES = sorted(algorithms())


def test_every_algorithm_file_is_found() -> None:
    folder = Path(str(collm.algorithms.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
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
    """A critic would see one branch of its trees alone."""

    @property
    def num_samples(self) -> int:
        return 2


class ManySamplesWithoutCritic(ManySamples):
    critic_view: ClassVar[CriticView | None] = None


def test_a_critic_and_several_samples_are_refused() -> None:
    with pytest.raises(CollmError, match=r"algorithm\.type: it has a critic and draws 2 samples"):
        make_algorithm({"type": f"{__name__}:ManySamples"})
    assert make_algorithm({"type": f"{__name__}:ManySamplesWithoutCritic"}).num_samples == 2


def test_algorithms_are_frozen() -> None:
    with pytest.raises(ValidationError):
        MAGRPO().discount = 0.5  # type: ignore[misc]


def test_parents_follow_the_order_of_turns() -> None:
    grown = tree(turn(0, turn(1), turn(2, turn(3))), turn(4), turn(5, turn(6)))
    assert [one.reward for one in grown.turns()] == [0, 1, 2, 3, 4, 5, 6]
    assert parents_of(grown) == [None, 0, 0, 2, None, None, 5]


def test_equal_turns_are_different_nodes() -> None:
    assert parents_of(tree(turn(0, turn(1), turn(1)), turn(0, turn(1)))) == [None, 0, 0, None, 3]


def test_rewards_are_joint_unless_the_environment_splits_them() -> None:
    grown = chain(turn(1.0), turn(2.0, rewards={"a": 5.0, "b": -3.0}))
    assert rewards_of(grown, "a").tolist() == [1.0, 5.0]
    assert rewards_of(grown, "b").tolist() == [1.0, -3.0]


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_loss_is_the_plain_ratio_unless_clipped(name: str) -> None:
    logprobs, behavior = torch.tensor([0.5]).log(), torch.tensor([0.25]).log()
    plain, clipped = make_algorithm({"type": name}), make_algorithm({"type": name, "ratio_clip": 0.2})
    assert plain.policy_loss(logprobs, behavior, torch.tensor([3.0])).tolist() == pytest.approx([-6.0])
    assert clipped.policy_loss(logprobs, behavior, torch.tensor([3.0])).tolist() == pytest.approx([-3.6])
