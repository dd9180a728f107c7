"""The bonus finds information where there is some, and none where there is none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.agents.config import BonusConfig
from collm.agents.embedding import embedded
from collm.agents.information import Bonus, InformationBonus
from collm.types import Action, Observation, Tree
from tests.trees import chain, tree, turn

WORDS = ["apple", "river", "stone", "cloud", "seven", "music"]


def pair(seen: str, said: str, reward: float, task: str = "task") -> Tree:
    """An episode of one turn in which two agents see and say the same."""
    one = turn(reward)
    observations = dict.fromkeys("ab", Observation(seen))
    actions = {name: Action(said, id=name) for name in "ab"}
    return replace(
        chain(replace(one, observations=observations, joint_action=actions)), task=tree(one, task=task).task
    )


def bonus(**settings: Any) -> InformationBonus:
    standard = {"least_memory": 20, "steps": 20, "learning_rate": 3e-3}
    return InformationBonus(BonusConfig.model_validate({**standard, **settings}), ("a", "b"), seed=1)


def played(dependent: bool, stream: random.Random, count: int = 48) -> list[Tree]:
    """Replies that repeat what was seen or have nothing to do with it, good and bad by chance."""
    seen = [stream.choice(WORDS) for _ in range(count)]
    return [pair(one, one if dependent else stream.choice(WORDS), stream.choice([0.0, 1.0])) for one in seen]


def learned(dependent: bool) -> Bonus:
    of_team, stream = bonus(), random.Random(3)
    for update in range(12):
        last = of_team.given(played(dependent, stream), update)
    return last


def test_replies_that_depend_on_what_was_seen_have_information() -> None:
    found = learned(dependent=True).measures
    assert found["information_low"] > 0.8
    assert found["information_high"] > 1.0


def test_replies_that_do_not_have_none() -> None:
    found = learned(dependent=False).measures
    assert found["information_low"] < 0.05
    assert abs(found["information_high"]) < 0.1


def test_the_bonus_is_added_to_every_reward_and_nothing_else_changes() -> None:
    of_team, stream = bonus(alpha=0.5, beta=0.25), random.Random(3)
    trees = played(True, stream)
    shared = [
        replace(one, turns=tuple(replace(t, agent_rewards={"a": 1.0, "b": 2.0}) for t in one.turns))
        for one in trees
    ]
    for _ in range(3):
        paid = of_team.given(shared, 0)
    extra = [
        one.turns[0].reward - before.turns[0].reward for one, before in zip(paid.trees, shared, strict=True)
    ]
    assert any(extra)
    measured = paid.measures
    expected = 0.5 * measured["information_low"] - 0.25 * measured["information_high"]
    assert (
        sum(extra) / len(extra)
        == pytest.approx(expected, abs=1e-6)
        == pytest.approx(measured["bonus"], abs=1e-6)
    )
    for one, before, more in zip(paid.trees, shared, extra, strict=True):
        (now,), (then,) = one.turns, before.turns
        assert now.agent_rewards == pytest.approx({"a": 1.0 + more, "b": 2.0 + more})
        assert replace(now, reward=then.reward, agent_rewards=then.agent_rewards) == then


def test_there_is_no_bonus_before_there_is_enough_to_learn_from_or_without_weights() -> None:
    trees = played(True, random.Random(3))
    young = bonus(least_memory=1000)
    assert young.given(trees, 0).measures == {"bonus": 0.0, "information_low": 0.0, "information_high": 0.0}
    weightless = bonus(alpha=0, beta=0)
    for update in range(3):
        given = weightless.given(trees, update)
    assert all(now is then for now, then in zip(given.trees, trees, strict=True))
    assert given.measures["information_low"] != 0.0


def test_a_memory_that_never_holds_enough_is_refused() -> None:
    with pytest.raises(ValueError, match="memory never holds least_memory turns"):
        BonusConfig(memory=50)


def test_weights_fade() -> None:
    def paid(update: int) -> float:
        fading = bonus(alpha=1.0, beta=0.0, fade_updates=4)
        trees = played(True, random.Random(3))
        for _ in range(2):
            fading.given(trees, 0)
        return fading.given(trees, update).measures["bonus"]

    assert paid(1) == pytest.approx(0.75 * paid(0), rel=1e-4)
    assert paid(4) == paid(9) == 0.0


def test_good_and_bad_are_told_apart_task_by_task() -> None:
    """Rewards of the easy task are all above those of the hard one; both have good and bad turns."""
    of_team = bonus()
    for _ in range(2):
        hard = [pair("a", f"{reward}", reward, task="hard") for reward in (0.0, 1.0)]
        easy = [pair("b", f"{reward}", reward, task="easy") for reward in (10.0, 11.0)]
        for one in (*hard, *easy):
            of_team.given([one], 0)
    assert said(of_team, good=True) == {"1.0", "11.0"}
    assert said(of_team, good=False) == {"0.0", "10.0"}


def said(of_team: InformationBonus, good: bool) -> set[str]:
    """The replies that are kept as good or bad ones."""
    kept = (of_team._good if good else of_team._bad).said[:, :32]
    texts = ["0.0", "1.0", "10.0", "11.0"]
    known = embedded(texts, 32)
    return {texts[int((known @ one).argmax())] for one in kept}


def test_where_most_succeed_success_is_good_and_where_all_are_alike_nothing_is() -> None:
    of_team = bonus()
    for _ in range(2):
        of_team.given([pair("a", f"{reward}", reward) for reward in (1.0, 1.0, 0.0)], 0)
    assert said(of_team, good=True) == {"1.0"}
    assert said(of_team, good=False) == {"0.0"}
    alike = bonus()
    for _ in range(3):
        alike.given([pair("a", "1.0", 1.0)], 0)
    assert said(alike, good=True) == set()


def test_an_episodes_first_turn_is_as_good_as_what_followed() -> None:
    of_team = bonus()
    of_team.given([chain(turn(0.0), turn(1.0))], 0)
    of_team.given([chain(turn(0.0), turn(2.0)), chain(turn(0.0), turn(0.0))], 0)
    assert len(of_team._good.seen) == 2
    assert len(of_team._bad.seen) == 2 + 2


def test_probes_are_paid_and_not_remembered() -> None:
    of_team = bonus()
    one = tree(turn(0.0), replace(turn(5.0), probe="greedy", learned=False))
    for _ in range(2):
        paid = of_team.given([one], 0)
    assert len(paid.trees[0].turns) == 2
    assert len(of_team._good.seen) + len(of_team._bad.seen) == 2  # two times the one that was played


def rewards(trees: Sequence[Tree]) -> list[float]:
    return [one.turns[0].reward for one in trees]


def test_it_goes_on_from_a_folder_bit_for_bit(tmp_path: Path) -> None:
    first, stream = bonus(), random.Random(3)
    before = [played(True, stream) for _ in range(3)]
    for update, trees in enumerate(before):
        first.given(trees, update)
    first.save(tmp_path)
    second = bonus()
    second.load(tmp_path)
    for update in range(3, 6):
        trees = played(True, stream)
        assert rewards(first.given(trees, update).trees) == rewards(second.given(trees, update).trees)


def test_it_draws_no_noise_of_others() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    of_team = bonus()
    for update in range(2):
        of_team.given(played(True, random.Random(3)), update)
    assert torch.equal(torch.rand(1), expected)


def test_texts_become_vectors_that_do_not_show_their_length() -> None:
    short, long, other, empty = embedded(["tidy", "tidy" * 50, "xylophone", ""], 64)
    assert float(short.norm()) == pytest.approx(1.0)
    assert float(long.norm()) == pytest.approx(1.0)
    assert float(short @ long) > 0.8 > float(short @ other)
    assert float(empty.norm()) == 0.0
    assert torch.isfinite(embedded(["\ud800"], 8)).all()
