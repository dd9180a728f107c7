from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic, Values
from collm.agents.learner import Sample, Step
from collm.agents.views import AnyView, CriticInput, critic_input
from collm.algorithms.base import Algorithm, CriticView
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.magrpo import MAGRPO
from collm.algorithms.temporal_difference import CENTRAL
from collm.algorithms.vdn import VDN
from collm.errors import CollmError
from collm.runs.records import UpdateRecord
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.types import Action, Observation, Tree, Turn
from tests.trees import Named, chain, tree, turn


class Pupil:
    """Stands for an agent and its learner: keeps every optimizer step."""

    def __init__(self, **settings: Any) -> None:
        self.config = AgentConfig(model="a model", **settings)
        self.steps: list[Step] = []
        self.scored: list[int] = []

    @property
    def learner(self) -> Pupil:
        return self

    def update(self, step: Step) -> dict[str, float]:
        self.steps.append(step)
        return {"policy_loss": float(len(self.steps))}

    def behavior_logprobs(self, actions: Sequence[Action]) -> list[tuple[float, ...]]:
        self.scored = [action.token_ids[0] for action in actions]
        return [(-float(action.token_ids[0]),) for action in actions]

    def learned(self, step: int = 0) -> dict[int, float]:
        """Advantages of a step by the actions' only token."""
        return {one.token_ids[0]: one.advantage for one in self.steps[step].samples}


class Judge:
    """Stands for a critic: says the given values and keeps the gradients that it gets."""

    config = CriticConfig(model="a model")

    def __init__(self, values: Mapping[str, Sequence[float]]) -> None:
        self._values = values
        self.inputs: list[list[CriticInput]] = []
        self.gradients: list[list[list[float]]] = []
        self.scales: list[float] = []

    def read(self, tree: Tree, view: AnyView, turns: Sequence[int] | None = None) -> CriticInput:
        return critic_input(tree, view, self.config.global_information, turns)

    def predict(self, inputs: Sequence[CriticInput]) -> Values:
        self.inputs.append(list(inputs))
        return Values(tuple(self._of(one) for one in inputs))

    def _of(self, read: CriticInput) -> Tensor:
        key = next(key for key in self._values if key in read.passages[0].text)
        assert len(self._values[key]) == len(read.passages)
        return torch.tensor(self._values[key])

    def update(
        self,
        inputs: Sequence[CriticInput],
        values: Values,
        gradients: Sequence[Tensor],
        scale: float,
        update: int,
        planned_updates: int,
    ) -> dict[str, float]:
        assert list(inputs) == self.inputs[-1]
        assert (update, planned_updates) == (4, 9)
        self.gradients.append([one.tolist() for one in gradients])
        self.scales.append(scale)
        return {"grad_norm": 0.5}


class Prefixes(Judge):
    """A judge that may be asked for the beginning of a tree alone."""

    def _of(self, read: CriticInput) -> Tensor:
        return torch.tensor(self._values["first tree"][: len(read.passages)])


def acted(one: Turn, first: int) -> Turn:
    """A turn whose actions have tokens of their own: ``first`` for a, ``first + 1`` for b."""
    actions = {
        agent: replace(action, prompt_ids=(1,), token_ids=(first + k,), token_logprobs=(-0.5 * (first + k),))
        for k, (agent, action) in enumerate(one.joint_action.items())
    }
    return replace(one, joint_action=actions)


def numbered(grown: Tree, first: int = 0) -> Tree:
    """Give every action of a tree a token of its own: 0 and 1 at the first turn, 2 and 3 at the next..."""
    return replace(grown, turns=tuple(acted(one, first + 2 * k) for k, one in enumerate(grown.turns)))


def named(grown: Tree, name: str) -> Tree:
    """Let every observation tell the tree's name, so that a judge knows it."""
    turns = [
        replace(one, observations=dict.fromkeys(one.observations, Observation(name))) for one in grown.turns
    ]
    return replace(grown, turns=tuple(turns))


def study(
    algorithm: Algorithm, trees: Sequence[Tree], judges: Mapping[str, Judge] | None = None, seed: int = 0
) -> tuple[dict[str, Pupil], UpdateRecord]:
    pupils = {"a": Pupil(), "b": Pupil()}
    progress = Progress(seed=seed, update=4, planned_updates=9)
    agents, critics = cast(dict[str, Agent], pupils), cast(dict[str, Critic], judges or {})
    return pupils, learn(algorithm, agents, critics, trees, progress)


# Monte Carlo


def test_every_action_is_learned_with_its_advantage_and_behavior() -> None:
    grown = numbered(tree(turn(1, turn(2), turn(6)), turn(3, turn(0), turn(4))))
    pupils, record = study(MAGRPO(num_generations=2, reference_kl=0.25), [grown])
    assert pupils["a"].learned() == {0: 0.0, 2: -2.0, 4: 2.0, 6: 0.0, 8: -2.0, 10: 2.0}
    assert pupils["b"].learned() == {1: 0.0, 3: -2.0, 5: 2.0, 7: 0.0, 9: -2.0, 11: 2.0}
    (step,) = pupils["a"].steps
    assert step.samples[1] == Sample((1,), (2,), None, -2.0, (-1.0,))
    assert (step.update, step.planned_updates, step.reference) == (4, 9, True)
    assert record.advantages[0, 1] == {"a": -2.0, "b": -2.0}
    assert not any([*record.values.values(), *record.targets.values()]), "no critic says anything"
    assert record.metrics == {"policy_loss/a": 1.0, "policy_loss/b": 1.0, "optimizer_steps": 1.0}


def test_trees_are_compared_only_with_themselves() -> None:
    high, low = numbered(tree(turn(10), turn(12))), numbered(tree(turn(0), turn(2)))
    pupils, _ = study(MAGRPO(num_generations=2), [high, low])
    assert [one.advantage for one in pupils["a"].steps[0].samples] == [-1.0, 1.0, -1.0, 1.0]


def test_an_action_of_several_joint_actions_is_learned_once_with_their_mean() -> None:
    a, b = (
        [Action(name, (1,), (k + shift,), (-1.0,), id=f"{k}/{name}") for k in (0, 1)]
        for name, shift in (("a", 0), ("b", 10))
    )
    rewards = [[0.0, 4.0], [2.0, 10.0]]
    roots = [
        replace(turn(rewards[i][j]), joint_action={"a": a[i], "b": b[j]}) for i in (0, 1) for j in (0, 1)
    ]
    pupils, record = study(MAGRPO(num_generations=2, mode="cross"), [tree(*roots)])
    # the mean reward is 4; a's actions average 2 and 6, b's 1 and 7
    assert pupils["a"].learned() == {0: -2.0, 1: 2.0}
    assert pupils["b"].learned() == {10: -3.0, 11: 3.0}
    assert record.advantages[0, 1] == {"a": -2.0, "b": 3.0}


def test_equal_actions_that_were_drawn_apart_count_apart() -> None:
    same = Action("a", (1,), (5,), (-1.0,))
    roots = [replace(turn(r), joint_action={"a": replace(same)}) for r in (0.0, 2.0)]
    pupils, _ = study(MAGRPO(num_generations=2), [tree(*roots)])
    assert [one.advantage for one in pupils["a"].steps[0].samples] == [-1.0, 1.0]
    assert pupils["b"].steps == []


def test_agents_learn_from_their_own_rewards() -> None:
    roots = (turn(0, rewards={"a": 1.0, "b": 5.0}), turn(0, rewards={"a": 3.0, "b": 1.0}))
    pupils, _ = study(MAGRPO(num_generations=2), [numbered(tree(*roots))])
    assert pupils["a"].learned() == {0: -1.0, 2: 1.0}
    assert pupils["b"].learned() == {1: 2.0, 3: -2.0}


def test_an_agent_learns_nothing_from_a_turn_that_it_skipped() -> None:
    grown = numbered(tree(turn(0, agents=("a",)), turn(2, agents=("a",))))
    pupils, record = study(MAGRPO(num_generations=2), [grown])
    assert pupils["a"].learned() == {0: -1.0, 2: 1.0}
    assert pupils["b"].steps == []
    assert "policy_loss/b" not in record.metrics


# Minibatches


def actions_of(pupil: Pupil) -> list[list[int]]:
    return [sorted(one.token_ids[0] for one in step.samples) for step in pupil.steps]


def ten_trees() -> list[Tree]:
    """Ten trees of four joint turns; the tree is the hundreds of the tokens."""
    return [numbered(tree(turn(0, turn(1)), turn(2, turn(5))), 100 * number) for number in range(10)]


def test_without_minibatches_all_is_learned_in_one_step() -> None:
    pupils, record = study(MAGRPO(num_generations=2), ten_trees())
    assert [len(step.samples) for step in pupils["a"].steps] == [40]
    assert record.metrics["optimizer_steps"] == 1.0


def test_an_epoch_of_minibatches_covers_every_joint_action_once() -> None:
    pupils, record = study(MAGRPO(num_generations=2, minibatch_size=12), ten_trees())
    steps = actions_of(pupils["a"])
    assert [len(step) for step in steps] == [13, 13, 14]
    assert sorted(token for step in steps for token in step) == sorted(
        100 * number + token for number in range(10) for token in (0, 2, 4, 6)
    )
    assert [[token + 1 for token in step] for step in steps] == actions_of(pupils["b"])
    assert record.metrics["optimizer_steps"] == 3.0
    assert record.metrics["policy_loss/a"] == (1 + 2 + 3) / 3


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
    first, second = (step.samples for step in pupils["a"].steps)
    assert {one.behavior_logprobs for one in first} == {None}
    assert sorted(pupils["a"].scored) == sorted(one.token_ids[0] for one in second)
    assert all(one.behavior_logprobs == (-one.token_ids[0],) for one in second)


def test_every_action_of_a_later_epoch_is_scored() -> None:
    pupils, _ = study(MAGRPO(num_generations=2, update_epochs=2), ten_trees())
    assert len(pupils["a"].scored) == 40
    first, second = (step.samples for step in pupils["a"].steps)
    assert {one.behavior_logprobs for one in first} == {None}, "the policy that drew them says them itself"
    assert all(one.behavior_logprobs == (-one.token_ids[0],) for one in second)


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
    t=0,
    observations={"a": Observation("second tree"), "b": Observation("second tree")},
    joint_action={name: Action("x", (1,), (90 + k,), (-1.0,), id=name) for k, name in enumerate("ab")},
    reward=1.0,
    raw_reward=1.0,
    truncated=True,
    next_observations={"a": Observation("on"), "b": Observation("on")},
)
TWO = Tree(Named("two"), 0, (CUT_OFF,), (None,))


def test_a_centralized_critic_teaches_every_agent() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    pupils, record = study(CoLLMCC(), [ONE], {CENTRAL: judge})
    assert judge.inputs == [[critic_input(ONE, CriticView())]]
    # targets r + V' are 1 + 1.5 and 2; the gradient of (V - target)^2 is twice V - target
    assert (judge.gradients, judge.scales) == ([[[2 * (4 - 2.5), 2 * (1.5 - 2)]]], [1 / 2])
    assert pupils["a"].learned() == {0: -1.5, 2: 0.5}
    assert pupils["b"].learned() == {1: -1.5, 3: 0.5}
    assert record.values == {(0, 0): {CENTRAL: 4.0}, (0, 1): {CENTRAL: 1.5}}
    assert record.targets == {(0, 0): {CENTRAL: 2.5}, (0, 1): {CENTRAL: 2.0}}
    # the targets' variance is 1/16; that of target - V, -1.5 and 0.5, is 1
    assert {key: value for key, value in record.metrics.items() if key.startswith("critic_")} == {
        "critic_value_loss/central": (1.5**2 + 0.5**2) / 2,
        "critic_explained_variance/central": 1 - 16.0,
        "critic_grad_norm/central": 0.5,
    }


def test_a_critic_can_go_without_the_global_information() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    judge.config = CriticConfig(model="a model", global_information=False)
    told = replace(ONE, turns=tuple(replace(one, global_information="m") for one in ONE.turns))
    study(CoLLMCC(), [told], {CENTRAL: judge})
    assert judge.inputs == [[critic_input(told, CriticView(), informed=False)]]
    assert judge.inputs != [[critic_input(told, CriticView())]]


def test_agents_wait_while_critics_warm_up() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    pupils, record = study(CoLLMCC(critic_warmup=5), [ONE], {CENTRAL: judge})  # this is the fifth update
    assert len(judge.gradients) == 1
    assert pupils["a"].steps == pupils["b"].steps == []
    assert all(key.startswith("critic_") or key == "optimizer_steps" for key in record.metrics)
    pupils, _ = study(CoLLMCC(critic_warmup=4), [ONE], {CENTRAL: judge})
    assert len(pupils["a"].steps) == 1


def test_decentralized_critics_teach_their_own_agents() -> None:
    judges = {"a": Judge({"first tree": (4.0, 1.5)}), "b": Judge({"first tree": (0.0, 0.5)})}
    pupils, record = study(CoLLMDC(discount=0.5), [ONE], judges)
    assert judges["b"].inputs == [[critic_input(ONE, CriticView("b"))]]
    assert pupils["a"].learned() == {0: 1 + 0.75 - 4, 2: 2 - 1.5}
    assert pupils["b"].learned() == {1: 1 + 0.25 - 0, 3: 2 - 0.5}
    assert judges["a"].gradients == [[[-2 * (1 + 0.75 - 4), -2 * (2 - 1.5)]]]
    assert judges["b"].gradients == [[[-2 * (1 + 0.25 - 0), -2 * (2 - 0.5)]]]
    assert record.values[0, 1] == {"a": 1.5, "b": 0.5}


def test_a_truncated_episode_is_bootstrapped_and_a_terminated_one_is_not() -> None:
    judge = Judge({"first tree": (4.0, 1.5), "second tree": (2.0, 8.0)})
    pupils, record = study(CoLLMCC(), [ONE, TWO], {CENTRAL: judge})
    assert record.targets[1, 0] == {CENTRAL: 1.0 + 8.0}
    assert judge.gradients[0][1] == [2 * (2 - 9), 0.0], "what lies beyond is no prediction to mend"
    assert pupils["a"].learned() == {0: -1.5, 2: 0.5, 90: 1 + 8 - 2}


def test_critics_learn_from_the_chosen_turns_alone_but_see_the_whole_episode() -> None:
    judge = Judge({"first tree": (4.0, 1.5), "second tree": (2.0, 8.0)})
    pupils, _ = study(CoLLMCC(minibatch_size=1), [ONE, TWO], {CENTRAL: judge})
    assert judge.scales == [1.0, 1.0, 1.0]
    assert sorted(told[0] for told in judge.gradients) == [[-14.0, 0.0], [0.0, -1.0], [3.0, 0.0]]
    assert all(len(one.passages) == 2 for read in judge.inputs for one in read)
    assert sorted(len(step.samples) for step in pupils["a"].steps) == [1, 1, 1]


def test_a_critic_reads_no_further_than_the_turn_after_those_of_its_step() -> None:
    grown = named(numbered(chain(*(turn(float(k)) for k in range(4)))), "first tree")
    judge = Prefixes({"first tree": (4.0, 1.5, 3.0, 7.0)})
    pupils, _ = study(CoLLMCC(minibatch_size=1, discount=0.5), [grown], {CENTRAL: judge})
    assert [len(read[0].passages) for read in judge.inputs] == [2, 3, 4, 4]
    told = [step.samples[0].advantage for step in pupils["a"].steps]
    assert told == [0 + 0.75 - 4, 1 + 1.5 - 1.5, 2 + 3.5 - 3, 3 - 7]
    assert judge.gradients == [
        [[-2 * (0 + 0.75 - 4), 0.0]],
        [[0.0, -2 * (1 + 1.5 - 1.5), 0.0]],
        [[0.0, 0.0, -2 * (2 + 3.5 - 3), 0.0]],
        [[0.0, 0.0, 0.0, -2 * (3 - 7)]],
    ]


def test_a_critic_whose_traces_reach_further_reads_the_whole_episode() -> None:
    grown = named(numbered(chain(*(turn(float(k)) for k in range(4)))), "first tree")
    judge = Judge({"first tree": (4.0, 1.5, 3.0, 7.0)})
    study(CoLLMCC(minibatch_size=1, trace_decay=0.5), [grown], {CENTRAL: judge})
    assert [len(read[0].passages) for read in judge.inputs] == [4, 4, 4, 4]


def test_the_values_before_the_critics_step_make_the_advantages() -> None:
    """The critic is asked once for each minibatch; nothing is valued again after its step."""
    judge = Judge({"first tree": (4.0, 1.5)})
    study(CoLLMCC(update_epochs=3), [ONE], {CENTRAL: judge})
    assert [len(read) for read in judge.inputs] == [1, 1, 1]
    assert len(judge.gradients) == 3


def test_one_critic_for_rewards_of_single_agents_is_refused() -> None:
    grown = numbered(tree(turn(0, rewards={"a": 1.0, "b": 5.0})))
    with pytest.raises(CollmError, match="needs a joint reward"):
        study(CoLLMCC(), [grown], {CENTRAL: Judge({"to a": (0.0,)})})


def test_decentralized_critics_learn_the_rewards_of_their_agents() -> None:
    grown = numbered(tree(turn(0, rewards={"a": 1.0, "b": 5.0})))
    judges = {name: Judge({"to ": (0.5,)}) for name in "ab"}
    pupils, record = study(CoLLMDC(), [grown], judges)
    assert record.targets[0, 0] == {"a": 1.0, "b": 5.0}
    assert (judges["a"].gradients, judges["b"].gradients) == ([[[-1.0]]], [[[-9.0]]])
    assert (pupils["a"].learned(), pupils["b"].learned()) == ({0: 0.5}, {1: 4.5})


def test_a_turn_that_is_only_looked_at_teaches_nobody() -> None:
    first, second = ONE.turns
    judge = Judge({"first tree": (4.0, 1.5)})
    pupils, record = study(
        CoLLMCC(), [replace(ONE, turns=(first, replace(second, learned=False)))], {CENTRAL: judge}
    )
    assert pupils["a"].learned() == {0: -1.5}, "though the value after it counts"
    assert (judge.gradients, judge.scales) == ([[[3.0, 0.0]]], [1.0])
    assert list(record.advantages) == list(record.values) == [(0, 0)]


def test_critics_go_over_the_buffer_again_once_the_agents_have_learned() -> None:
    judge = Judge({"first tree": (4.0, 1.5)})
    plain, once = study(CoLLMCC(), [ONE], {CENTRAL: judge})
    again = Judge({"first tree": (4.0, 1.5)})
    pupils, record = study(CoLLMCC(critic_epochs=3), [ONE], {CENTRAL: again})
    assert again.gradients == judge.gradients * 4
    assert pupils["a"].learned() == plain["a"].learned()
    assert len(pupils["a"].steps) == 1
    assert record.metrics == once.metrics, "what is told is of the steps that agents took part in"


class MovingJudge(Judge):
    """A critic whose values rise by 1 at every step."""

    def update(self, *given: Any) -> dict[str, float]:
        self._values = {key: tuple(one + 1 for one in said) for key, said in self._values.items()}
        return super().update(*given)


def test_clipped_values_are_held_to_where_they_were_before_the_first_step() -> None:
    """One turn paid 10, valued 0, 1, 2, 3: steps beyond 1.5 towards the target teach nothing."""
    one = numbered(named(tree(turn(10.0)), "first tree"))
    plain, clipped = (MovingJudge({"first tree": (0.0,)}) for _ in range(2))
    study(CoLLMCC(critic_epochs=3), [one], {CENTRAL: plain})
    study(CoLLMCC(critic_epochs=3, value_clip=1.5), [one], {CENTRAL: clipped})
    assert plain.gradients == [[[-20.0]], [[-18.0]], [[-16.0]], [[-14.0]]]
    assert clipped.gradients == [[[-20.0]], [[-18.0]], [[0.0]], [[0.0]]]


class DivergingJudge(Judge):
    """A critic whose gradients are no numbers from its second step on."""

    def update(self, *given: Any) -> dict[str, float]:
        super().update(*given)
        return {"grad_norm": math.nan if len(self.gradients) > 1 else 0.5}


def test_a_critic_that_diverges_after_the_agents_steps_ends_the_run() -> None:
    judge = DivergingJudge({"first tree": (4.0, 1.5)})
    with pytest.raises(CollmError, match="critic central: it diverged in update 5: critic_grad_norm is nan"):
        study(CoLLMCC(critic_epochs=3), [ONE], {CENTRAL: judge})
    assert len(judge.gradients) == 2


def test_the_share_of_advantages_that_the_clip_cut_is_told() -> None:
    grown = numbered(tree(turn(0), turn(0), turn(0), turn(4)))
    _, record = study(MAGRPO(advantage_clip=2.0), [grown])
    assert record.metrics["advantages_clipped/a"] == record.metrics["advantages_clipped/b"] == 0.25
    _, unclipped = study(MAGRPO(), [grown])
    assert "advantages_clipped/a" not in unclipped.metrics


class ScaledJudge(Judge):
    """A critic that wants to see targets, and keeps them."""

    config = CriticConfig(model="a model", scaled_targets=True)

    def __init__(self, values: Mapping[str, Sequence[float]]) -> None:
        super().__init__(values)
        self.seen: list[list[float]] = []

    @property
    def awaits_scale(self) -> bool:
        return not self.seen

    def follow(self, targets: Tensor) -> None:
        self.seen.append(targets.tolist())


def test_a_scaled_critic_sees_targets_before_its_first_step_and_after_each() -> None:
    judge = ScaledJudge({"first tree": (4.0, 1.5)})
    study(CoLLMCC(), [ONE], {CENTRAL: judge})
    assert judge.seen == [[2.5, 2.0], [2.5, 2.0]]
    assert len(judge.inputs) == 2, "once for the scale, once for the step"
    study(CoLLMCC(), [ONE], {CENTRAL: judge})
    assert len(judge.seen) == 3


def test_a_scale_for_values_that_are_mixed_is_refused() -> None:
    grown = named(numbered(chain(turn(1.0))), "first tree")
    judges = {name: ScaledJudge({"first tree": (4.0,)}) for name in "ab"}
    with pytest.raises(CollmError, match="mixed with others") as caught:
        study(VDN(alternatives=1), [grown], judges)
    assert caught.value.where == "critic.scaled_targets"


def test_values_of_joint_actions_are_recorded_where_no_others_are_taught() -> None:
    judges = {"a": Judge({"first tree": (4.0, 1.5)}), "b": Judge({"first tree": (0.5, 1.0)})}
    pupils, record = study(VDN(), [ONE], judges)
    assert record.values == {(0, 0): {"team": 4.5}, (0, 1): {"team": 2.5}}
    # r + Q' and r; both critics get the gradient of the sum's square
    assert record.targets == {(0, 0): {"team": 3.5}, (0, 1): {"team": 2.0}}
    assert judges["a"].gradients == judges["b"].gradients == [[[2 * (4.5 - 3.5), 2 * (2.5 - 2.0)]]]
    assert pupils["a"].steps == pupils["b"].steps == [], "without alternatives there is nothing to compare"
