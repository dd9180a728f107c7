"""``m_t`` as numbers beside the text that a critic reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.agents.config import CriticConfig
from collm.agents.critic import Critic
from collm.agents.numbers import Widening, numbers_tensor
from collm.agents.views import CriticInput, Passage
from collm.algorithms.base import CriticView
from collm.base.validation import validated
from collm.errors import CollmError
from tests.trees import tree, turn

MakeCritic = Callable[..., Critic]


def alike(*numbers: tuple[float, ...], text: str = "[a] the same\n") -> list[CriticInput]:
    """Openings that say the same, each with numbers of its own."""
    return [CriticInput((Passage(text, None, one),), (0,), (None,), (None,)) for one in numbers]


TREE = CriticInput(
    (
        Passage("[a] start here\n", None, (0.0, 0.0)),
        Passage("one\n", 0, (0.0, 1.0)),
        Passage("a longer two\n", 0, (0.5, -1.0)),
        Passage("and then\n", 1, (1.0, 0.2)),
        Passage("", 3, (-1.0, 0.2)),
    ),
    (0,) * 4,
    (None,) * 4,
    (1, 2, 3, 4),
)


@pytest.fixture(scope="module")
def make_critic(qwen3: Path) -> MakeCritic:
    """Build a critic on the CPU that reads two numbers; its head says something unless ``fresh``."""

    def make(saved: Path | None = None, fresh: bool = False, count: int = 2, **settings: Any) -> Critic:
        values = {"model": str(qwen3), "device": "cpu", "numbers": True, **settings}
        critic = Critic(validated(CriticConfig, values, "critic"), "central", saved, numbers=count)
        if saved is None and not fresh:
            torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(1))
        return critic

    return make


def said(critic: Critic, *inputs: CriticInput) -> list[list[float]]:
    return [values.tolist() for values in critic.predict(inputs).by_passage]


def learn(critic: Critic, inputs: list[CriticInput], goals: list[float]) -> float:
    """Step towards a goal for each input; return the squared error before."""
    values = critic.predict(inputs)
    errors = [one - goal for one, goal in zip(values.by_passage, goals, strict=True)]
    critic.update(inputs, values, [2 * error for error in errors], 1 / sum(map(len, errors)), 0, 1)
    return float(torch.cat(errors).square().mean())


def test_at_the_start_it_says_what_a_critic_without_numbers_says(make_critic: MakeCritic) -> None:
    critic, plain = make_critic(fresh=True), make_critic(fresh=True, numbers=False)
    assert (
        said(critic, TREE, *alike((3.0, 4.0))) == said(plain, TREE, *alike((3.0, 4.0))) == [[0.0] * 5, [0.0]]
    )
    scaled, without = (make_critic(fresh=True, numbers=own, scaled_targets=True) for own in (True, False))
    for one in (scaled, without):
        one.follow(torch.tensor([10.0, 14.0]))
    assert said(scaled, TREE) == said(without, TREE) == [[12.0] * 5]


@pytest.mark.parametrize("scaled", [False, True])
def test_what_only_the_numbers_tell_is_learned(make_critic: MakeCritic, scaled: bool) -> None:
    """The goals are no straight line of the numbers."""
    settings: dict[str, Any] = {"optimization": {"learning_rate": 1e-2}, "scaled_targets": scaled}
    inputs, goals = alike((-1.0, 0.5), (0.0, 0.5), (1.0, 0.5)), [1.0, -1.0, 1.5]
    critic, deaf = (make_critic(fresh=True, numbers=own, **settings) for own in (True, False))
    for one in (critic, deaf):
        one.follow(torch.tensor(goals))
    losses = [learn(critic, inputs, goals) for _ in range(200)]
    heard = [learn(deaf, inputs, goals) for _ in range(200)]
    assert losses[-1] < 0.02 < losses[0]
    least = float(torch.tensor(goals).var(unbiased=False))
    assert heard[-1] == pytest.approx(least, abs=0.05), "text that is the same has one value"


def test_one_step_moves_a_value_as_far_by_numbers_as_by_text_whatever_their_units(
    make_critic: MakeCritic,
) -> None:
    moved = {}
    for size in (0.0, 1.0, 1e6):
        critic = make_critic(fresh=True, optimization={"learning_rate": 1e-3})
        inputs = alike((size, -size))
        learn(critic, inputs, [1.0])
        moved[size] = said(critic, *inputs)[0][0]
    deaf = make_critic(fresh=True, numbers=False, optimization={"learning_rate": 1e-3})
    learn(deaf, alike(()), [1.0])
    by_text = said(deaf, *alike(()))[0][0]
    assert all(by_text < one < 4 * by_text for one in moved.values()), (by_text, moved)


def test_one_pass_values_a_tree_as_each_path_alone(make_critic: MakeCritic) -> None:
    critic = make_critic()
    together, inputs = said(critic, TREE)[0], []
    for place in range(len(TREE.passages)):
        texts, at = [], place
        while True:
            texts.append(TREE.passages[at].text)
            parent = TREE.passages[at].parent
            if parent is None:
                break
            at = parent
        inputs += alike(TREE.passages[place].numbers, text="".join(reversed(texts)))
    assert together == pytest.approx([one[0] for one in said(critic, *inputs)], abs=1e-4)
    assert together[3] != pytest.approx(together[4], abs=1e-3), "the same text, other numbers"


@pytest.mark.parametrize("batch_tokens", [1, 64])
def test_microbatches_change_memory_alone(make_critic: MakeCritic, batch_tokens: int) -> None:
    inputs = [TREE, *alike((0.1, 0.2), (0.9, -0.4))]
    whole, small = (make_critic(batch_tokens=n) for n in (10_000, batch_tokens))
    for _ in range(2):
        for one, other in zip(said(whole, *inputs), said(small, *inputs), strict=True):
            assert one == pytest.approx(other, abs=1e-3)
        for critic in (whole, small):
            learn(critic, inputs, [1.0, 2.0, -1.0])


def test_a_saved_critic_goes_on_bit_for_bit(make_critic: MakeCritic, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimization": {"learning_rate": 1e-2}}
    critic, inputs = make_critic(**settings), [TREE]
    learn(critic, inputs, [1.0])
    critic.save(tmp_path / "critic")
    critic.save_optimizer(tmp_path / "critic.pt")
    resumed = make_critic(tmp_path / "critic", **settings)
    resumed.load_optimizer(tmp_path / "critic.pt")
    assert said(resumed, TREE) == said(critic, TREE)
    for one in (critic, resumed):
        learn(one, inputs, [1.0])
    assert said(resumed, TREE) == said(critic, TREE)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"numbers": True}, {"numbers": False}),
        ({"numbers": False}, {"numbers": True}),
        ({"count": 2}, {"count": 3}),
    ],
)
def test_a_critic_of_other_numbers_is_not_taken_over(
    make_critic: MakeCritic, tmp_path: Path, first: dict[str, Any], then: dict[str, Any]
) -> None:
    make_critic(**first).save(tmp_path / "critic")
    with pytest.raises(CollmError, match="was saved with other settings"):
        make_critic(tmp_path / "critic", **then)


def test_numbers_that_are_not_as_many_at_every_turn_are_one_message(make_critic: MakeCritic) -> None:
    with pytest.raises(CollmError, match="there are 2 at the first turn and 3 at another"):
        make_critic().predict(alike((1.0, 2.0), (1.0, 2.0, 3.0)))
    assert numbers_tensor([(1.0, 2.0), (3.0, 4.0)], 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("later", [(0.5, -1.0), (0.5,)])
def test_a_trial_tells_whether_numbers_are_as_many_at_every_turn(
    make_critic: MakeCritic, later: tuple[float, ...]
) -> None:
    trial = tree(
        replace(turn(0.0, replace(turn(1.0), global_numbers=later)), global_numbers=(0.0, 1.0)),
    )
    fits = nullcontext() if len(later) == 2 else pytest.raises(CollmError, match="and 1 at another")
    with fits:
        make_critic().check_reads(trial, CriticView())


def test_the_first_features_are_the_seeds_and_no_other_random_numbers_move() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    one, other = (Widening(2, 4, seed=7) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    hidden, numbers = torch.zeros(1, 4), [(0.3, 0.7)]
    assert torch.equal(one(hidden, numbers), other(hidden, numbers))
    assert one(hidden, numbers).shape == (1, 8)
