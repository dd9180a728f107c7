from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from collm.types import Action, History, Observation, Tree, Turn
from tests.trees import Named, chain, turn
from tests.trees import tree as grown


@pytest.fixture
def tree() -> Tree:
    """Rewards name the turns: 1 has children 2 and 3, 2 has the child 4, and 5 stands alone."""
    return grown(turn(1, turn(2, turn(4)), turn(3)), turn(5))


def rewards(tree: Tree, numbers: tuple[int, ...]) -> list[float]:
    return [tree.turns[number].reward for number in numbers]


def test_an_actions_logprob_is_the_sum_over_its_tokens() -> None:
    assert Action("ab", token_ids=(1, 2), token_logprobs=(-0.5, -0.25)).logprob == -0.75
    assert Action("").logprob == 0


def test_records_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Action("a").text = "b"  # type: ignore[misc]


def test_episodes_are_the_paths_from_root_to_leaf(tree: Tree) -> None:
    assert [rewards(tree, episode) for episode in tree.episodes()] == [[1, 2, 4], [1, 3], [5]]
    assert list(tree.episodes()) == [(0, 1, 2), (0, 3), (4,)]


def test_turns_come_once_parents_first(tree: Tree) -> None:
    assert [one.reward for one in tree.turns] == [1, 2, 4, 3, 5]
    assert [one.t for one in tree.turns] == [0, 1, 2, 1, 0]
    assert tree.parents == (None, 0, 1, 0, None)


def test_a_family_is_the_turns_after_one(tree: Tree) -> None:
    assert tree.families == {None: (0, 4), 0: (1, 3), 1: (2,)}
    assert rewards(tree, tree.families[None]) == [one.reward for one in tree.roots] == [1, 5]


def test_a_path_leads_from_the_root_to_a_turn(tree: Tree) -> None:
    assert [tree.path(number) for number in range(5)] == [(0,), (0, 1), (0, 1, 2), (0, 3), (4,)]


def test_branches_are_places_among_siblings(tree: Tree) -> None:
    assert [tree.branches(number) for number in range(5)] == [(0,), (0, 0), (0, 0, 0), (0, 1), (1,)]


def test_a_tree_can_be_a_thousand_turns_long() -> None:
    long = chain(*(turn(number) for number in range(1000)))
    assert long.path(999) == tuple(range(1000))
    assert list(long.episodes()) == [long.path(999)]
    assert long.branches(999) == (0,) * 1000
    assert [one.t for one in long.turns] == list(range(1000))
    assert [one.terminated for one in long.turns] == [False] * 999 + [True]


def test_a_failed_tree_is_empty() -> None:
    failed = Tree(Named("task"), 0, failure="the sandbox died")
    assert list(failed.episodes()) == []
    assert (failed.turns, failed.roots, failed.families) == ((), (), {})


def test_a_history_grows_by_what_was_seen_and_done() -> None:
    start, seen, done = History(), Observation("look"), Action("jump")
    later = start.after(seen, done).after(Observation("again"), done)
    assert later == History((seen, Observation("again")), (done, done))
    assert start == History()


def test_agents_learn_from_the_joint_reward_unless_it_is_split() -> None:
    joint = Turn(0, {}, {}, reward=2.0, raw_reward=2.0)
    assert joint.reward_of("a") == 2.0
    split = replace(joint, agent_rewards={"a": 0.5, "b": 1.5})
    assert [split.reward_of(agent) for agent in ("a", "b")] == [0.5, 1.5]
