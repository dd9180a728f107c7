from __future__ import annotations

import torch

from collm.algorithms.base import Valued
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from tests.trees import chain, turn


def test_the_rollout_and_the_critic_it_needs() -> None:
    algorithm = CoLLMDC()
    assert (algorithm.num_samples, algorithm.joint_mode, algorithm.critic_view) == (1, "align", "local")


def test_each_agent_learns_from_the_residual_of_its_own_critic() -> None:
    grown = chain(turn(1.0), turn(2.0))
    own = {
        "a": Valued(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 0.0])),
        "b": Valued(torch.tensor([0.0, 4.0]), torch.tensor([4.0, 0.0])),
    }
    found = {agent: CoLLMDC(discount=0.5).estimate(grown, agent, valued) for agent, valued in own.items()}
    # a: 1 + 0.5 - 3 and 2 - 1; b: 1 + 2 - 0 and 2 - 4
    assert found["a"].advantages.tolist() == [-1.5, 1.0]
    assert found["b"].advantages.tolist() == [3.0, -2.0]


def test_each_agent_learns_from_its_own_rewards_where_there_are_any() -> None:
    grown = chain(turn(0.0, rewards={"a": 1.0, "b": -1.0}))
    valued = Valued(torch.tensor([0.5]), torch.tensor([0.0]))
    estimates = CoLLMDC().estimate(grown, "b", valued)
    assert estimates.advantages.tolist() == [-1.5]
    assert estimates.targets is not None
    assert estimates.targets.tolist() == [-1.0]


def test_with_equal_values_it_is_the_centralized_method() -> None:
    grown = chain(turn(1.0), turn(0.0), turn(2.0))
    valued = Valued(torch.tensor([4.0, 2.0, 1.0]), torch.tensor([2.0, 1.0, 0.0]))
    one = CoLLMDC(trace_decay=0.3).estimate(grown, "a", valued)
    other = CoLLMCC(trace_decay=0.3).estimate(grown, "a", valued)
    assert torch.equal(one.advantages, other.advantages)
