from __future__ import annotations

import torch

from collm.algorithms.base import Branching, CriticView
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.temporal_difference import CENTRAL
from tests.algorithms.predictions import values
from tests.trees import chain, turn


def test_the_rollout_and_the_critic_it_needs() -> None:
    algorithm = CoLLMDC()
    assert algorithm.branching == Branching(1, "align")
    assert algorithm.critics(["a", "b"]) == {"a": CriticView("a"), "b": CriticView("b")}


def test_each_agent_learns_from_the_residual_of_its_own_critic() -> None:
    grown = chain(turn(1.0), turn(2.0))
    own = {
        "a": values([3.0, 1.0], [1.0, 0.0]),
        "b": values([0.0, 4.0], [4.0, 0.0]),
    }
    found = {agent: CoLLMDC(discount=0.5).advantages(grown, agent, own).tolist() for agent in own}
    # a: 1 + 0.5 - 3 and 2 - 1; b: 1 + 2 - 0 and 2 - 4
    assert found["a"] == [-1.5, 1.0]
    assert found["b"] == [3.0, -2.0]


def test_each_agent_learns_from_its_own_rewards_where_there_are_any() -> None:
    grown = chain(turn(0.0, rewards={"a": 1.0, "b": -1.0}))
    said = dict.fromkeys("ab", values([0.5], [0.0]))
    assert CoLLMDC().advantages(grown, "b", said).tolist() == [-1.5]
    targets = CoLLMDC().targets(grown, said)
    assert {name: one.before.tolist() for name, one in targets.items() if one.before is not None} == {
        "a": [1.0],
        "b": [-1.0],
    }


def test_with_equal_values_it_is_the_centralized_method() -> None:
    grown = chain(turn(1.0), turn(0.0), turn(2.0))
    valued = values([4.0, 2.0, 1.0], [2.0, 1.0, 0.0])
    one = CoLLMDC(trace_decay=0.3).advantages(grown, "a", {"a": valued})
    other = CoLLMCC(trace_decay=0.3).advantages(grown, "a", {CENTRAL: valued})
    assert torch.equal(one, other)
