from __future__ import annotations

from dataclasses import replace

import pytest

from collm.evaluation.measures import mean_tokens, measures
from collm.types import Action
from tests.trees import Grown, chain, tree, turn


def measured(one: Grown, **metrics: float) -> Grown:
    return replace(one, metrics=metrics)


def test_returns_are_undiscounted_sums_of_processed_rewards() -> None:
    one, two = chain(turn(1.0), turn(2.0)), chain(replace(turn(5.0), raw_reward=-3.0))
    found = measures([one, two])
    assert found == {
        "return_mean": 4.0,
        "return_std": 1.0,
        "reward_mean": pytest.approx(8 / 3),
        "raw_reward_mean": 0.0,
        "turns_mean": 1.5,
    }


def test_siblings_are_averaged_before_trees_are() -> None:
    # left: 1 + mean(2, 6) = 5 over two turns, right: 3 in one turn
    branching = tree(turn(1, turn(2), turn(6)), turn(3))
    found = measures([branching, tree(turn(0))])
    assert found["return_mean"] == (4 + 0) / 2
    assert found["return_std"] == 2.0
    assert found["turns_mean"] == (1.5 + 1) / 2
    assert found["reward_mean"] == 12 / 5


def test_metrics_are_averaged_over_all_turns_and_over_last_turns() -> None:
    one = chain(measured(turn(0), iou=0.0), measured(turn(0), iou=1.0))
    two = chain(measured(turn(0), iou=0.5))
    found = measures([one, two])
    assert (found["iou"], found["final_iou"]) == (0.5, 0.75)


def test_the_terms_of_the_reward_are_named_and_sum_to_it() -> None:
    one = replace(turn(0), raw_reward=3.0, components={"brief": 1.0, "true": 2.0})
    two = replace(turn(0), raw_reward=2.0, components={"true": 2.0})
    found = measures([chain(one, two)])
    assert (found["component/brief"], found["component/true"]) == (0.5, 2.0)
    assert found["component/brief"] + found["component/true"] == found["raw_reward_mean"]


def test_a_metric_that_only_some_turns_have_is_averaged_over_those() -> None:
    one = chain(measured(turn(0), start=2.0), measured(turn(0), end=1.0))
    found = measures([one, chain(measured(turn(0), start=4.0, end=3.0))])
    assert (found["start"], found["final_start"]) == (3.0, 4.0)
    assert (found["end"], found["final_end"]) == (2.0, 2.0)


def test_tokens_are_counted_for_each_agent_and_turn() -> None:
    def spoke(lengths: dict[str, int]) -> Grown:
        actions = {name: Action("", token_ids=(1,) * length) for name, length in lengths.items()}
        return replace(turn(0), joint_action=actions)

    assert mean_tokens([chain(spoke({"a": 1, "b": 4}), spoke({"a": 7})), tree(spoke({"a": 4}))]) == 4.0
    assert mean_tokens([]) == 0.0
