from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch

from collm.agents.agent import Agent, Experience
from collm.agents.config import CriticConfig
from collm.agents.critic import Critic, Targets
from collm.agents.views import TEAM, View, joint_view, local_view
from collm.algorithms.base import Algorithm
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.magrpo import MAGRPO
from collm.errors import CollmError
from collm.training.learning import Lesson, Progress, learn
from collm.types import Action, Observation, Tree, Turn
from tests.trees import chain, tree, turn


class Pupil:
    """Stands for an agent: keeps the experience of every optimizer step."""

    def __init__(self) -> None:
        self.steps: list[list[Experience]] = []
        self.places: list[tuple[int, int]] = []
        self.reference_kl: list[float] = []
        self.scored: list[int] = []

    def update(
        self, experience: Sequence[Experience], loss: Any, reference_kl: float, update: int, planned: int
    ) -> dict[str, float]:
        self.steps.append(list(experience))
        self.places.append((update, planned))
        self.reference_kl.append(reference_kl)
        return {"policy_loss": float(len(self.steps))}

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[float]:
        self.scored = [action.token_ids[0] for action in actions]
        return [-float(action.token_ids[0]) for action in actions]

    def learned(self, step: int = 0) -> dict[int, float]:
        """Advantages of a step by the actions' only token."""
        return {one.token_ids[0]: one.advantage for one in self.steps[step]}


class Judge:
    """Stands for a critic: says the given values and keeps what it should have said."""

    config = CriticConfig(model="a model")

    def __init__(self, values: Mapping[str, Sequence[float]]) -> None:
        self._values = values
        self.views: list[list[View]] = []
        self.wanted: list[list[tuple[list[float], list[float]]]] = []

    def update(self, views: Sequence[View], targets: Targets, update: int, planned: int) -> dict[str, float]:
        self.views.append(list(views))
        told = []
        for number, view in enumerate(views):
            key = next(key for key in self._values if key in view.passages[0])
            assert len(self._values[key]) == len(view.passages)
            goals, weights = targets(number, torch.tensor(self._values[key]))
            told.append((goals.tolist(), weights.tolist()))
        self.wanted.append(told)
        return {"value_loss": 0.5}


def acted(one: Turn, first: int) -> Turn:
    """A turn whose actions have tokens of their own: ``first`` for a, ``first + 1`` for b."""
    actions = {
        agent: Action(f"by {agent}", (1,), (first + k,), (-0.5 * (first + k),))
        for k, agent in enumerate(one.joint_action)
    }
    return replace(one, joint_action=actions)


def numbered(grown: Tree) -> Tree:
    """Give every action of a tree a token of its own: 0 and 1 at the first turn, 2 and 3 at the next..."""
    count = iter(range(0, 1000, 2))

    def walk(one: Turn) -> Turn:
        return replace(acted(one, next(count)), children=tuple(map(walk, one.children)))

    return replace(grown, roots=tuple(map(walk, grown.roots)))


def named(grown: Tree, name: str) -> Tree:
    """Let every observation tell the tree's name, so that a judge knows it."""

    def walk(one: Turn) -> Turn:
        seen = {agent: Observation(name) for agent in one.observations}
        return replace(one, observations=seen, children=tuple(map(walk, one.children)))

    return replace(grown, roots=tuple(map(walk, grown.roots)))


def study(
    algorithm: Algorithm, trees: Sequence[Tree], judges: Mapping[str, Judge] | None = None, seed: int = 0
) -> tuple[dict[str, Pupil], Lesson]:
    pupils = {"a": Pupil(), "b": Pupil()}
    progress = Progress(seed=seed, update=4, planned_updates=9)
    agents, critics = cast(dict[str, Agent], pupils), cast(dict[str, Critic], judges or {})
    return pupils, learn(algorithm, agents, critics, trees, progress)


# Monte Carlo


def test_every_action_is_learned_with_its_advantage_and_behavior() -> None:
    grown = numbered(tree(turn(1, turn(2), turn(6)), turn(3, turn(0), turn(4))))
    pupils, lesson = study(MAGRPO(num_generations=2, reference_kl=0.25), [grown])
    assert pupils["a"].learned() == {0: 0.0, 2: -2.0, 4: 2.0, 6: 0.0, 8: -2.0, 10: 2.0}
    assert pupils["b"].learned() == {1: 0.0, 3: -2.0, 5: 2.0, 7: 0.0, 9: -2.0, 11: 2.0}
    assert pupils["a"].steps[0][1] == Experience((1,), (2,), None, -2.0)
    assert (pupils["a"].places, pupils["a"].reference_kl) == ([(4, 9)], [0.25])
    assert lesson.advantages[0, 1] == {"a": -2.0, "b": -2.0}
    assert lesson.values == lesson.targets == {}
    assert lesson.metrics == {"policy_loss/a": 1.0, "policy_loss/b": 1.0, "optimizer_steps": 1.0}


def test_trees_are_compared_only_with_themselves() -> None:
    high, low = numbered(tree(turn(10), turn(12))), numbered(tree(turn(0), turn(2)))
    pupils, _ = study(MAGRPO(num_generations=2), [high, low])
    assert [one.advantage for one in pupils["a"].steps[0]] == [-1.0, 1.0, -1.0, 1.0]


def test_an_action_of_several_joint_actions_is_learned_once_with_their_mean() -> None:
    a, b = (
        [Action(name, (1,), (k + shift,), (-1.0,)) for k in (0, 1)] for name, shift in (("a", 0), ("b", 10))
    )
    rewards = [[0.0, 4.0], [2.0, 10.0]]
    roots = [
        replace(turn(rewards[i][j]), joint_action={"a": a[i], "b": b[j]}) for i in (0, 1) for j in (0, 1)
    ]
    pupils, lesson = study(MAGRPO(num_generations=2, mode="cross"), [tree(*roots)])
    # the mean reward is 4; a's actions average 2 and 6, b's 1 and 7
    assert pupils["a"].learned() == {0: -2.0, 1: 2.0}
    assert pupils["b"].learned() == {10: -3.0, 11: 3.0}
    assert lesson.advantages[0, 1] == {"a": -2.0, "b": 3.0}


def test_equal_actions_that_were_drawn_apart_count_apart() -> None:
    same = Action("a", (1,), (5,), (-1.0,))
    roots = [replace(turn(r), joint_action={"a": replace(same)}) for r in (0.0, 2.0)]
    pupils, _ = study(MAGRPO(num_generations=2), [tree(*roots)])
    assert [one.advantage for one in pupils["a"].steps[0]] == [-1.0, 1.0]
    assert pupils["b"].steps == []


def test_agents_learn_from_their_own_rewards() -> None:
    roots = (turn(0, rewards={"a": 1.0, "b": 5.0}), turn(0, rewards={"a": 3.0, "b": 1.0}))
    pupils, _ = study(MAGRPO(num_generations=2), [numbered(tree(*roots))])
    assert pupils["a"].learned() == {0: -1.0, 2: 1.0}
    assert pupils["b"].learned() == {1: 2.0, 3: -2.0}


def test_an_agent_learns_nothing_from_a_turn_that_it_skipped() -> None:
    grown = numbered(tree(turn(0, agents=("a",)), turn(2, agents=("a",))))
    pupils, lesson = study(MAGRPO(num_generations=2), [grown])
    assert pupils["a"].learned() == {0: -1.0, 2: 1.0}
    assert pupils["b"].steps == []
    assert "policy_loss/b" not in lesson.metrics


# Minibatches


def actions_of(pupil: Pupil) -> list[list[int]]:
    return [sorted(one.token_ids[0] for one in step) for step in pupil.steps]


def ten_trees() -> list[Tree]:
    """Ten trees of four joint turns; the tree is the hundreds of the tokens."""
    trees = []
    for number in range(10):
        grown = tree(turn(0, turn(1)), turn(2, turn(5)))
        trees.append(
            replace(grown, roots=tuple(_shifted(root, 100 * number) for root in numbered(grown).roots))
        )
    return trees


def _shifted(one: Turn, by: int) -> Turn:
    actions = {
        name: replace(action, token_ids=(action.token_ids[0] + by,))
        for name, action in one.joint_action.items()
    }
    return replace(one, joint_action=actions, children=tuple(_shifted(child, by) for child in one.children))


def test_without_minibatches_all_is_learned_in_one_step() -> None:
    pupils, lesson = study(MAGRPO(num_generations=2), ten_trees())
    assert [len(step) for step in pupils["a"].steps] == [40]
    assert lesson.metrics["optimizer_steps"] == 1.0


def test_an_epoch_of_minibatches_covers_every_joint_action_once() -> None:
    pupils, lesson = study(MAGRPO(num_generations=2, minibatch_size=12), ten_trees())
    steps = actions_of(pupils["a"])
    assert [len(step) for step in steps] == [13, 13, 14]
    assert sorted(token for step in steps for token in step) == sorted(
        100 * number + token for number in range(10) for token in (0, 2, 4, 6)
    )
    assert [[token + 1 for token in step] for step in steps] == actions_of(pupils["b"])
    assert lesson.metrics["optimizer_steps"] == 3.0
    assert lesson.metrics["policy_loss/a"] == (1 + 2 + 3) / 3


def test_siblings_share_a_step() -> None:
    grown = numbered(tree(turn(0, turn(1), turn(2)), turn(3, turn(4), turn(5))))
    pupils, _ = study(MAGRPO(num_generations=2, minibatch_size=2), [grown])
    assert actions_of(pupils["a"]) == [[0, 6], [2, 4], [8, 10]]


def test_minibatches_are_drawn_anew_for_every_epoch_and_seed_and_repeat() -> None:
    algorithm = MAGRPO(num_generations=2, minibatch_size=20, update_epochs=2)
    pupils, _ = study(algorithm, ten_trees())
    one, two, three, four = actions_of(pupils["a"])
    assert sorted(one + two) == sorted(three + four)
    assert one not in (three, four)
    assert actions_of(study(algorithm, ten_trees())[0]["a"]) == [one, two, three, four]
    assert actions_of(study(algorithm, ten_trees(), seed=1)[0]["a"])[0] not in (one, two)


def test_advantages_do_not_depend_on_the_minibatch() -> None:
    whole, _ = study(MAGRPO(num_generations=2), ten_trees())
    parts, _ = study(MAGRPO(num_generations=2, minibatch_size=3), ten_trees())
    found = {
        token: adv for step in range(len(parts["a"].steps)) for token, adv in parts["a"].learned(step).items()
    }
    assert found == whole["a"].learned()


def test_what_is_learned_after_the_first_step_is_scored_before_it() -> None:
    pupils, _ = study(MAGRPO(num_generations=2, minibatch_size=20), ten_trees())
    first, second = pupils["a"].steps
    assert {one.behavior_logprob for one in first} == {None}
    assert sorted(pupils["a"].scored) == sorted(one.token_ids[0] for one in second)
    assert all(one.behavior_logprob == -one.token_ids[0] for one in second)


def test_every_action_of_a_later_epoch_is_scored() -> None:
    pupils, _ = study(MAGRPO(num_generations=2, update_epochs=2), ten_trees())
    assert len(pupils["a"].scored) == 40
    assert {one.behavior_logprob for one in pupils["a"].steps[0]} != {None}


def test_a_single_step_needs_no_scores() -> None:
    pupils, _ = study(MAGRPO(num_generations=2), ten_trees())
    assert pupils["a"].scored == []


# Normalization and clip


def test_advantages_are_standardized_over_the_minibatch_and_then_clipped() -> None:
    grown = numbered(tree(turn(0), turn(0), turn(0), turn(4)))
    plain, _ = study(MAGRPO(), [grown])
    assert list(plain["a"].learned().values()) == [-1.0, -1.0, -1.0, 3.0]
    clipped, _ = study(MAGRPO(advantage_clip=2.0), [grown])
    assert list(clipped["a"].learned().values()) == [-1.0, -1.0, -1.0, 2.0]
    both, _ = study(MAGRPO(advantage_normalization=True, advantage_clip=1.5), [grown])
    assert list(both["a"].learned().values()) == pytest.approx([-1 / 3**0.5] * 3 + [1.5], abs=1e-5)


# Critics


ONE = named(numbered(chain(turn(1.0), turn(2.0))), "first tree")
CUT_OFF = Turn(
    index=0,
    observations={"a": Observation("second tree"), "b": Observation("second tree")},
    joint_action={name: Action("x", (1,), (90 + k,), (-1.0,)) for k, name in enumerate("ab")},
    reward=1.0,
    raw_reward=1.0,
    truncated=True,
    next_observations={"a": Observation("on"), "b": Observation("on")},
)
TWO = tree(CUT_OFF)


def test_a_centralized_critic_teaches_every_agent() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    pupils, lesson = study(CoLLMCC(), [ONE], {TEAM: judge})
    assert judge.views == [[joint_view(next(ONE.episodes()))]]
    # targets r + V' are 1 + 1.5 and 2; advantages subtract V
    assert judge.wanted == [[([2.5, 2.0], [1.0, 1.0])]]
    assert pupils["a"].learned() == {0: -1.5, 2: 0.5}
    assert pupils["b"].learned() == {1: -1.5, 3: 0.5}
    assert lesson.values == {(0, 0): {TEAM: 4.0}, (0, 1): {TEAM: 1.5}}
    assert lesson.targets == {(0, 0): {TEAM: 2.5}, (0, 1): {TEAM: 2.0}}
    assert lesson.metrics["critic_value_loss/team"] == 0.5


def test_a_critic_can_go_without_the_global_information() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    judge.config = CriticConfig(model="a model", global_information=False)
    study(CoLLMCC(), [ONE], {TEAM: judge})
    assert judge.views == [[joint_view(next(ONE.episodes()), informed=False)]]


def test_agents_wait_while_critics_warm_up() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    pupils, lesson = study(CoLLMCC(critic_warmup=5), [ONE], {TEAM: judge})  # this is the fifth update
    assert len(judge.wanted) == 1
    assert pupils["a"].steps == pupils["b"].steps == []
    assert lesson.metrics == {"critic_value_loss/team": 0.5, "optimizer_steps": 1.0}
    pupils, _ = study(CoLLMCC(critic_warmup=4), [ONE], {TEAM: judge})
    assert len(pupils["a"].steps) == 1


def test_decentralized_critics_teach_their_own_agents() -> None:
    judges = {"a": Judge({"first tree": (4.0, 1.5)}), "b": Judge({"first tree": (0.0, 0.5)})}
    pupils, lesson = study(CoLLMDC(discount=0.5), [ONE], judges)
    assert judges["b"].views == [[local_view(next(ONE.episodes()), "b")]]
    assert pupils["a"].learned() == {0: 1 + 0.75 - 4, 2: 2 - 1.5}
    assert pupils["b"].learned() == {1: 1 + 0.25 - 0, 3: 2 - 0.5}
    assert lesson.values[0, 1] == {"a": 1.5, "b": 0.5}


def test_a_truncated_episode_is_bootstrapped_and_a_terminated_one_is_not() -> None:
    judge = Judge({"first tree": (4.0, 1.5), "second tree": (2.0, 8.0)})
    pupils, _ = study(CoLLMCC(), [ONE, TWO], {TEAM: judge})
    assert judge.wanted[0][1] == ([1.0 + 8.0, 0.0], [1.0, 0.0])
    assert pupils["a"].learned() == {0: -1.5, 2: 0.5, 90: 1 + 8 - 2}


def test_critics_learn_from_the_chosen_turns_alone_but_see_the_whole_episode() -> None:
    judge = Judge({"first tree": (4.0, 1.5), "second tree": (2.0, 8.0)})
    pupils, _ = study(CoLLMCC(minibatch_size=1), [ONE, TWO], {TEAM: judge})
    assert len(judge.wanted) == 3
    weights = sorted(told[0][1] for told in judge.wanted)
    assert weights == [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    assert all(len(view.passages) == 2 for views in judge.views for view in views)
    assert sorted(len(step) for step in pupils["a"].steps) == [1, 1, 1]


def test_the_values_before_the_critics_step_make_the_advantages() -> None:
    """The critic is asked once for each minibatch; nothing is valued again after its step."""
    asked: list[int] = []

    class Counting(Judge):
        def update(
            self, views: Sequence[View], targets: Targets, update: int, planned: int
        ) -> dict[str, float]:
            asked.append(len(views))
            return super().update(views, targets, update, planned)

    study(CoLLMCC(update_epochs=3), [ONE], {TEAM: Counting({"first tree": (4.0, 1.5)})})
    assert asked == [1, 1, 1]


def test_one_critic_for_rewards_of_single_agents_is_refused() -> None:
    grown = numbered(tree(turn(0, rewards={"a": 1.0, "b": 5.0})))
    with pytest.raises(CollmError, match="needs a joint reward"):
        study(CoLLMCC(), [grown], {TEAM: Judge({"to a": (0.0,)})})


def test_decentralized_critics_learn_the_rewards_of_their_agents() -> None:
    grown = numbered(tree(turn(0, rewards={"a": 1.0, "b": 5.0})))
    judges = {name: Judge({"to ": (0.5,)}) for name in "ab"}
    pupils, _ = study(CoLLMDC(), [grown], judges)
    assert (judges["a"].wanted, judges["b"].wanted) == ([[([1.0], [1.0])]], [[([5.0], [1.0])]])
    assert (pupils["a"].learned(), pupils["b"].learned()) == ({0: 0.5}, {1: 4.5})
