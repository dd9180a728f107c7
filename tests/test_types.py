from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from collm.types import Action, Tree, Turn


def turn(index: int, reward: float = 0.0, children: tuple[Turn, ...] = ()) -> Turn:
    return Turn(index, {}, {}, reward=reward, raw_reward=reward, children=children)


@pytest.fixture
def tree() -> Tree:
    """Rewards name the turns: 1 has children 2 and 3, 2 has the child 4, and 5 stands alone."""
    one = turn(0, 1, (turn(1, 2, (turn(2, 4),)), turn(1, 3)))
    return Tree("task", 0, (one, turn(0, 5)))


def test_an_actions_logprob_is_the_sum_over_its_tokens() -> None:
    assert Action("ab", token_ids=(1, 2), token_logprobs=(-0.5, -0.25)).logprob == -0.75
    assert Action("").logprob == 0


def test_records_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Action("a").text = "b"  # type: ignore[misc]


def test_episodes_are_the_paths_from_root_to_leaf(tree: Tree) -> None:
    assert [[t.reward for t in episode] for episode in tree.episodes()] == [[1, 2, 4], [1, 3], [5]]


def test_turns_come_once_parents_first(tree: Tree) -> None:
    assert [t.reward for t in tree.turns()] == [1, 2, 4, 3, 5]


def test_a_failed_tree_is_empty() -> None:
    failed = Tree("task", 0, (), failure="the sandbox died")
    assert not list(failed.episodes())
    assert not list(failed.turns())


def test_agents_learn_from_the_joint_reward_unless_it_is_split() -> None:
    joint = turn(0, 2.0)
    assert joint.reward_of("a") == 2.0
    split = replace(joint, agent_rewards={"a": 0.5, "b": 1.5})
    assert [split.reward_of(agent) for agent in ("a", "b")] == [0.5, 1.5]
