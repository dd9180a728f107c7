from __future__ import annotations

import pytest
from pydantic import ValidationError

from collm.env import environments, make_env
from collm.envs.minecraft.housebuild import HouseBuild
from collm.errors import CollmError


def test_shipped_environments_are_found_by_name() -> None:
    assert environments()["housebuild"] is HouseBuild


@pytest.mark.parametrize("name", ["housebuild", "collm.envs.minecraft.housebuild:HouseBuild"])
def test_an_environment_is_built_from_its_configuration(name: str) -> None:
    env = make_env({"type": name, "num_turns": 2, "spiders": {"count": 0}})
    assert isinstance(env, HouseBuild)
    assert (env.type, env.num_turns, env.spiders.count) == ("housebuild", 2, 0)


@pytest.mark.parametrize(
    ("config", "where", "problem"),
    [
        ({}, "env.type", "no environment is named"),
        ({"type": 3}, "env.type", "no environment is named"),
        ({"type": "castle"}, "env.type", "unknown type 'castle'"),
        ({"type": "collm.base.seeding:derive"}, "env.type", "is not a subclass of Environment"),
        ({"type": "housebuild", "num_turn": 2}, "env.num_turn", "unknown key"),
        ({"type": "housebuild", "num_turns": 0}, "env.num_turns", "greater than or equal to 1"),
        ({"type": "housebuild", "num_turns": 20_000}, "env.num_turns", "less than or equal to 1000"),
        ({"type": "coding", "num_turns": 20_000}, "env.num_turns", "less than or equal to 1000"),
        ({"type": "housebuild", "num_turns": True}, "env.num_turns", "must be a number"),
        ({"type": "housebuild", "penalty_weight": float("inf")}, "env.penalty_weight", "finite"),
        ({"type": "housebuild", "spiders": {"player_hp": float("inf")}}, "env.spiders.player_hp", "finite"),
        ({"type": "housebuild", "reward_scale": float("nan")}, "env.reward_scale", "finite"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, object], where: str, problem: str) -> None:
    with pytest.raises(CollmError) as caught:
        make_env(config)
    assert caught.value.where == where
    assert problem in caught.value.problem


def test_an_unknown_type_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CollmError, match="housebuild"):
        make_env({"type": "castle"})


def test_configurations_are_frozen() -> None:
    with pytest.raises(ValidationError):
        HouseBuild().num_turns = 3  # type: ignore[misc]


def test_rewards_are_scaled_then_shifted() -> None:
    env = HouseBuild(reward_scale=2.0, reward_shift=-1.0)
    assert env.processed(0.75) == 0.5


@pytest.mark.parametrize(
    ("threshold", "rewards", "ends"),
    [
        (None, [9.0], False),
        (0.5, [0.5], False),
        (0.5, [0.5000001], True),
        (0.5, [1.0, 0.0], False),
        (0.5, [1.0, 0.1], True),
    ],
)
def test_a_branch_ends_early_on_a_mean_strictly_above_the_threshold(
    threshold: float | None, rewards: list[float], ends: bool
) -> None:
    assert HouseBuild(termination_threshold=threshold).ends_early(rewards) is ends


def test_global_information_has_no_reward_at_first() -> None:
    env = HouseBuild(num_turns=3)
    assert env.global_information(0, None) == "You are at turn = 0 over a 3-turn episode."
    assert env.global_information(2, -0.125).splitlines() == [
        "You are at turn = 2 over a 3-turn episode.",
        "Your last-turn reward is -0.12 / 1.",
    ]


def test_an_environment_shows_nothing_but_texts_unless_it_says_so() -> None:
    env = make_env({"type": "probe_constant"})
    assert env.panel(env.tasks("test")[0], [{"a": "0", "b": "1"}]) is None
