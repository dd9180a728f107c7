"""The methods without a critic, on trees small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from collm.algorithms.base import Algorithm, Branching, Probe, make_algorithm
from collm.algorithms.magrpo import MAGRPO
from collm.algorithms.max_baseline import MaxBaseline
from collm.algorithms.reinforce import Reinforce
from collm.algorithms.reinforce_pp import ReinforcePP
from collm.algorithms.remax import ReMax
from collm.algorithms.rloo import RLOO
from collm.errors import CollmError
from collm.types import Action, Tree
from tests.trees import Grown, chain, tree, turn

FOUR = tree(turn(1), turn(2), turn(6), turn(3))
# returns: 1 + (2 + 6) / 2 = 5 and 3 + (0 + 4) / 2 = 5
DEEP = tree(turn(1, turn(2), turn(6)), turn(3, turn(0), turn(4)))


def advantages(algorithm: Algorithm, grown: Tree, agent: str = "a") -> list[float]:
    assert algorithm.targets(grown, {}) == {}
    return algorithm.advantages(grown, agent, {}).tolist()


def test_reinforce_has_no_baseline() -> None:
    assert advantages(Reinforce(), DEEP) == [5.0, 2.0, 6.0, 5.0, 0.0, 4.0]
    assert advantages(Reinforce(discount=0.5), chain(turn(1), turn(2), turn(4))) == [3.0, 4.0, 4.0]


def test_reinforce_takes_one_sample_unless_told() -> None:
    assert Reinforce().branching == Branching(1)
    assert Reinforce(num_generations=3, mode="cross").branching == Branching(3, "cross")


def test_rloo_compares_with_the_other_siblings() -> None:
    # the others' means: 11 / 3, 10 / 3, 2, 3
    assert advantages(RLOO(), FOUR) == pytest.approx([1 - 11 / 3, 2 - 10 / 3, 4.0, 0.0])
    assert advantages(RLOO(num_generations=2), DEEP) == [0.0, -4.0, 4.0, 0.0, -4.0, 4.0]


def test_two_leave_one_out_samples_differ_by_their_difference() -> None:
    assert advantages(RLOO(num_generations=2), tree(turn(7), turn(4))) == [3.0, -3.0]


def test_rloo_leaves_out_every_joint_action_that_shares_the_agents_own() -> None:
    own = {name: [Action(name, id=f"{k}/{name}") for k in (0, 1)] for name in "ab"}
    rewards = {(0, 0): 0.0, (0, 1): 4.0, (1, 0): 2.0, (1, 1): 10.0}
    roots = [
        replace(turn(rewards[i, j]), joint_action={"a": own["a"][i], "b": own["b"][j]})
        for i, j in product((0, 1), repeat=2)
    ]
    crossed = tree(*roots)
    # a's actions average 2 and 6, b's 1 and 7: each joint reward less the other action's average
    assert advantages(RLOO(mode="cross"), crossed, "a") == [0 - 6, 4 - 6, 2 - 2, 10 - 2]
    assert advantages(RLOO(mode="cross"), crossed, "b") == [0 - 7, 4 - 1, 2 - 7, 10 - 1]


def test_rloo_is_magrpo_times_k_over_k_less_one() -> None:
    for grown, count in ((FOUR, 4), (DEEP, 2)):
        mean = [one * count / (count - 1) for one in advantages(MAGRPO(num_generations=count), grown)]
        assert advantages(RLOO(num_generations=count), grown) == pytest.approx(mean)


def test_the_largest_sibling_is_the_baseline_of_all() -> None:
    assert advantages(MaxBaseline(), FOUR) == [-5.0, -4.0, 0.0, -3.0]
    assert advantages(MaxBaseline(num_generations=2), DEEP) == [0.0, -4.0, 0.0, 0.0, -4.0, 0.0]


@pytest.mark.parametrize("algorithm", [RLOO(), MaxBaseline(), MAGRPO(), ReinforcePP(group_baseline=True)])
def test_equal_returns_teach_exactly_nothing(algorithm: Algorithm) -> None:
    grown = tree(*(turn(0.1, turn(170.7), turn(170.7), turn(170.7)) for _ in range(3)))
    assert advantages(algorithm, grown) == [0.0] * 12


@pytest.mark.parametrize("name", ["rloo", "magrpo", "max_baseline"])
def test_one_sample_has_nothing_to_be_compared_with(name: str) -> None:
    with pytest.raises(CollmError, match="greater than or equal to 2"):
        make_algorithm({"type": name, "num_generations": 1})


def greedy(reward: float, *children: Grown) -> Grown:
    return replace(turn(reward, *children), probe="greedy", learned=False)


def test_remax_asks_for_a_greedy_episode_from_every_history() -> None:
    assert ReMax().probes(DEEP) == [Probe(number, "greedy", greedy=True) for number in (0, 1, 4)]
    assert ReMax().branching == Branching(1)


def test_remax_compares_with_the_greedy_episode() -> None:
    # the greedy team gets 1 + 2 from the first history and 5 from the second; both are looked at alone
    grown = tree(turn(2, turn(4), greedy(5)), greedy(1, greedy(2)))
    assert advantages(ReMax(), grown)[:2] == [2 + 4 - 3, 4 - 5]


def test_what_a_probe_gets_is_no_part_of_the_return_before_it() -> None:
    grown = tree(turn(2, turn(4), greedy(100)), greedy(0, greedy(0)))
    assert advantages(ReMax(), grown)[0] == 6.0


def test_reinforce_pp_normalizes_over_the_batch_and_clips_tokens() -> None:
    algorithm = ReinforcePP()
    assert algorithm.advantage_normalization
    assert (algorithm.ratio, algorithm.ratio_clip, algorithm.reference_kl_as) == ("token", 0.2, "reward")
    assert advantages(algorithm, FOUR) == [1.0, 2.0, 6.0, 3.0]
    assert advantages(ReinforcePP(group_baseline=True), FOUR) == [-2.0, -1.0, 3.0, 0.0]


def test_agents_learn_from_their_own_rewards_where_there_are_any() -> None:
    grown = tree(turn(9, rewards={"a": 1.0, "b": 5.0}), turn(0, rewards={"a": 3.0, "b": 5.0}))
    for algorithm, a in ((RLOO(), [-2.0, 2.0]), (MaxBaseline(), [-2.0, 0.0])):
        assert advantages(algorithm, grown, "a") == a
        assert advantages(algorithm, grown, "b") == [0.0, 0.0]
