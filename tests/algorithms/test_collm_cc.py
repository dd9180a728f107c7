from __future__ import annotations

from collm.algorithms.base import Branching, CriticView, Prediction
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.temporal_difference import CENTRAL
from collm.types import Tree
from tests.algorithms.predictions import values
from tests.trees import chain, tree, turn

THREE = chain(turn(1.0), turn(0.0), turn(2.0))
VALUED = values(before=[4.0, 2.0, 1.0], following=[2.0, 1.0, 0.0])


def estimated(
    algorithm: CoLLMCC, grown: Tree, valued: Prediction, agent: str = "a"
) -> tuple[list[float], list[float]]:
    """Advantages of an agent and targets of the critic."""
    predictions = {CENTRAL: valued}
    target = algorithm.targets(grown, predictions)[CENTRAL]
    assert target.before is not None
    assert target.after is None
    return algorithm.advantages(grown, agent, predictions).tolist(), target.before.tolist()


def test_the_rollout_and_the_critic_it_needs() -> None:
    algorithm = CoLLMCC()
    assert algorithm.branching == Branching(1, "align")
    assert algorithm.critics(["a", "b"]) == {"central": CriticView(agent=None, reads=("before",))}


def test_advantages_are_one_step_residuals() -> None:
    # r + V' - V: 1 + 2 - 4, 0 + 1 - 2, 2 + 0 - 1; targets r + V'
    assert estimated(CoLLMCC(), THREE, VALUED) == ([-1.0, -1.0, 1.0], [3.0, 1.0, 2.0])


def test_the_next_value_is_discounted() -> None:
    # 1 + 0.5 * 2 - 4, 0 + 0.5 * 1 - 2, 2 - 1
    assert estimated(CoLLMCC(discount=0.5), THREE, VALUED) == ([-2.0, -1.5, 1.0], [2.0, 0.5, 2.0])


def test_a_trace_carries_later_residuals_back() -> None:
    # residuals -1, -1, 1 decay by one half: -1 + 0.5 * 1 = -0.5, then -1 + 0.5 * -0.5 = -1.25
    found = estimated(CoLLMCC(trace_decay=0.5), THREE, VALUED)
    assert found == ([-1.25, -0.5, 1.0], [2.75, 1.5, 2.0])


def test_a_full_trace_targets_the_return() -> None:
    _, targets = estimated(CoLLMCC(trace_decay=1.0), THREE, VALUED)
    assert targets == [3.0, 2.0, 2.0]


def test_one_turn_is_a_learned_baseline() -> None:
    valued = values([0.5], [0.0])
    assert estimated(CoLLMCC(trace_decay=0.7), chain(turn(2.0)), valued) == ([1.5], [2.0])


def test_a_perfect_critic_leaves_no_advantage() -> None:
    valued = values([3.0, 2.0, 2.0], [2.0, 2.0, 0.0])
    assert estimated(CoLLMCC(), THREE, valued)[0] == [0.0, 0.0, 0.0]


def test_every_agent_gets_the_same_advantage() -> None:
    assert estimated(CoLLMCC(), THREE, VALUED, "a") == estimated(CoLLMCC(), THREE, VALUED, "b")


def test_a_truncated_episode_goes_on_beyond_its_end() -> None:
    beyond = values([1.0], [5.0])
    advantages, targets = estimated(CoLLMCC(discount=0.5), chain(turn(2.0, terminated=False)), beyond)
    assert (advantages, targets) == ([3.5], [4.5])


def test_siblings_are_valued_against_the_value_that_they_share() -> None:
    # one history with value 3, two turns after it; the first goes on to a family with value 5
    grown = tree(turn(1.0, turn(4.0), turn(8.0)), turn(2.0))
    valued = values([3.0, 5.0, 5.0, 3.0], [5.0, 0.0, 0.0, 0.0])
    # residuals 1 + 5 - 3, 4 - 5, 8 - 5, 2 - 3; a trace of one half adds the mean of the children's
    advantages, targets = estimated(CoLLMCC(), grown, valued)
    assert (advantages, targets) == ([3.0, -1.0, 3.0, -1.0], [6.0, 4.0, 8.0, 2.0])
    assert estimated(CoLLMCC(trace_decay=0.5), grown, valued)[0] == [3.0 + 0.5 * 1.0, -1.0, 3.0, -1.0]
