from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from collm.agents.config import CriticConfig
from collm.agents.critic import Critic
from collm.agents.views import CriticInput, Passage
from collm.base.validation import validated
from tests.agents.models import assert_close
from tests.checkpoints import save_letters
from tests.tiny_agents import model_of

MakeCritic = Callable[..., Critic]

PLAIN_STEP = {"learning_rate": 1e8, "betas": (0.0, 0.0), "epsilon": 1e8, "max_grad_norm": None}


def episode(*texts: str) -> CriticInput:
    """Passages one after another, with a value at each."""
    places = tuple(range(len(texts)))
    passages = (
        Passage(text, place - 1 if place else None) for place, text in zip(places, texts, strict=True)
    )
    return CriticInput(tuple(passages), places, (*places[1:], None), (None,) * len(texts))


VIEWS = [
    episode("[a] start\n", "[a] left\n[b] stays\n", "end\n"),
    episode("[a] other\n"),
    episode("[a] a rather longer opening than all the others\n", "short\n"),
]
TREE = CriticInput(
    (
        Passage("[a] start here\n"),
        Passage("one\n", 0),
        Passage("a longer two\n", 0),
        Passage("three\n", 0),
        Passage("and then\n", 1),
        Passage("or else\n", 1),
        Passage("end\n", 3),
    ),
    (0,) * 6,
    (None,) * 6,
    (1, 2, 3, 4, 5, 6),
)
"""Three siblings, the first with two of its own and the last with one."""


@pytest.fixture(scope="module")
def make_critic(qwen3: Path) -> MakeCritic:
    """Build a critic on the CPU; its head says something unless ``fresh``."""

    def make(
        model: Path = qwen3, weights: Path | None = None, fresh: bool = False, **settings: Any
    ) -> Critic:
        values = {"model": str(model), "device": "cpu", **settings}
        critic = Critic(validated(CriticConfig, values, "critic"), "central", weights)
        if weights is None and not fresh:
            torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(1))
        return critic

    return make


def said(critic: Critic, *views: CriticInput) -> list[list[float]]:
    return [values.tolist() for values in critic.predict(views).by_passage]


def path(read: CriticInput, place: int) -> tuple[str, ...]:
    """The texts that lead to a passage, itself included."""
    passage = read.passages[place]
    return (*(() if passage.parent is None else path(read, passage.parent)), passage.text)


def alone(critic: Critic, read: CriticInput) -> list[float]:
    """The value at each passage, from nothing but the texts that lead to it."""
    paths = [path(read, place) for place in range(len(read.passages))]
    return [said(critic, episode(*texts))[0][-1] for texts in paths]


def learn(critic: Critic, views: list[CriticInput], goal: float, passages: slice = slice(None)) -> float:
    """Step towards a goal at some passages; return the squared error before."""
    values = critic.predict(views)
    gradients, losses = [], []
    for one in values.by_passage:
        gradient = torch.zeros_like(one)
        gradient[passages] = 2 * (one - goal)[passages]
        gradients.append(gradient)
        losses.append((one - goal)[passages].square())
    count = sum(map(len, losses))
    critic.update(views, values, gradients, 1 / count, 0, 1)
    return float(torch.cat(losses).mean())


def parameters(critic: Critic) -> dict[str, Tensor]:
    named = {**dict(model_of(critic).named_parameters()), **dict(critic.head.named_parameters(prefix="head"))}
    return {name: value.detach().clone() for name, value in named.items()}


def step_of(critic: Critic, views: list[CriticInput], passages: slice = slice(None)) -> dict[str, Tensor]:
    """What one update of a fresh critic towards 1 subtracts from its parameters."""
    before = parameters(critic)
    learn(critic, views, 1.0, passages)
    return {name: before[name] - value for name, value in parameters(critic).items()}


def gradient_alone(critic: Critic, views: list[CriticInput]) -> dict[str, Tensor]:
    """The gradient of the mean squared distance from 1, with every passage's path read alone."""
    errors = []
    for read in views:
        for place in range(len(read.passages)):
            ids = critic.tokenizer("".join(path(read, place))).input_ids
            hidden = model_of(critic)(input_ids=torch.tensor([ids])).last_hidden_state
            errors.append((1.0 - critic.head(hidden)[0, -1, 0]) ** 2)
    torch.stack(errors).mean().backward()
    named = {**dict(model_of(critic).named_parameters()), **dict(critic.head.named_parameters(prefix="head"))}
    return {name: p.grad for name, p in named.items() if p.grad is not None}


def test_an_untrained_critic_says_zero(make_critic: MakeCritic) -> None:
    assert said(make_critic(fresh=True), *VIEWS) == [[0.0, 0.0, 0.0], [0.0], [0.0, 0.0]]


def test_one_pass_values_every_turn_as_valuing_each_prefix_alone_does(make_critic: MakeCritic) -> None:
    critic = make_critic()
    for read, values in zip([*VIEWS, TREE], said(critic, *VIEWS, TREE), strict=True):
        assert len(values) == len(read.passages)
        assert values == pytest.approx(alone(critic, read), abs=1e-4)
        assert len({round(value, 3) for value in values}) == len(values)


def test_the_value_is_read_at_the_last_token_of_a_passage(make_critic: MakeCritic, qwen3: Path) -> None:
    critic, trunk = make_critic(), AutoModel.from_pretrained(qwen3).eval()
    ids = critic.tokenizer("".join(path(VIEWS[0], 2))).input_ids
    ends = [len(critic.tokenizer("".join(path(VIEWS[0], place))).input_ids) - 1 for place in range(3)]
    with torch.no_grad():
        expected = critic.head(trunk(input_ids=torch.tensor([ids])).last_hidden_state)[0, ends, 0]
    assert said(critic, VIEWS[0])[0] == pytest.approx(expected.tolist(), abs=1e-4)


def test_no_token_sees_beyond_the_context_limit(make_critic: MakeCritic, qwen3: Path) -> None:
    limited = make_critic(model=qwen3, context=8)
    free = make_critic()
    for critic in (limited, free):
        model_of(critic).config.num_hidden_layers = 1
        model_of(critic).layers = model_of(critic).layers[:1]
    old, new = episode("AAAA the end\n"), episode("BBBB the end\n")
    assert said(limited, old) == said(limited, new)
    assert said(free, old) != said(free, new)
    end = episode(old.passages[0].text[-8:])
    assert said(limited, old)[0] == pytest.approx(said(limited, end)[0], abs=1e-4)


def test_values_with_a_context_limit_are_those_of_each_prefix_alone(make_critic: MakeCritic) -> None:
    """Siblings that stand between a passage and its past do not use the limit up."""
    critic = make_critic(context=12)
    for read, values in zip([*VIEWS, TREE], said(critic, *VIEWS, TREE), strict=True):
        assert values == pytest.approx(alone(critic, read), abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 64])
def test_microbatches_change_memory_alone(make_critic: MakeCritic, batch_tokens: int) -> None:
    views = [*VIEWS, TREE]
    whole, small = (make_critic(batch_tokens=n, optimization=PLAIN_STEP) for n in (10_000, batch_tokens))
    assert whole.predict(views).graph is not None
    assert small.predict(views).graph is None, "several passes"
    for one, other in zip(said(whole, *views), said(small, *views), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert_close(step_of(small, views), step_of(whole, views), tolerance=1e-3)


def test_a_step_is_the_gradient_of_the_mean_squared_error(make_critic: MakeCritic) -> None:
    """Equations 3 and 5 with a constant target, averaged over all turns (Algorithm 1, line 23)."""
    critic, plain = make_critic(optimization=PLAIN_STEP), make_critic()
    assert_close(step_of(critic, VIEWS), gradient_alone(plain, VIEWS), tolerance=1e-3)


def test_a_step_on_a_tree_is_the_gradient_of_its_paths_alone(make_critic: MakeCritic) -> None:
    critic, plain = make_critic(optimization=PLAIN_STEP), make_critic()
    assert_close(step_of(critic, [TREE]), gradient_alone(plain, [TREE]), tolerance=1e-3)


def test_passages_without_a_gradient_teach_nothing(make_critic: MakeCritic) -> None:
    first = step_of(make_critic(optimization=PLAIN_STEP), VIEWS, slice(0, 1))
    openings = [episode(read.passages[0].text) for read in VIEWS]
    expected = step_of(make_critic(optimization=PLAIN_STEP), openings)
    assert_close(first, expected, tolerance=1e-3)


def test_values_are_constants_and_their_graph_stands_beside_them(make_critic: MakeCritic) -> None:
    values = make_critic().predict(VIEWS)
    assert not any(one.requires_grad for one in values.by_passage)
    assert values.graph is not None
    assert all(one.requires_grad for one in values.graph)
    assert [one.tolist() for one in values.graph] == [one.tolist() for one in values.by_passage]


def test_a_critic_learns_values(make_critic: MakeCritic) -> None:
    critic = make_critic(fresh=True, optimization={"learning_rate": 1e-2})
    goals = [torch.tensor([1.0, -1.0, 2.0]), torch.tensor([0.5]), torch.tensor([-2.0, 0.0])]
    losses = []
    for _ in range(40):
        values = critic.predict(VIEWS)
        errors = [one - goal for one, goal in zip(values.by_passage, goals, strict=True)]
        losses.append(float(torch.cat(errors).square().mean()))
        critic.update(VIEWS, values, [2 * error for error in errors], 1 / 6, 0, 1)
    assert losses[0] == pytest.approx((1 + 1 + 4 + 0.25 + 4 + 0) / 6)
    assert losses[-1] < 0.05


# Beginnings


def beginning(folder: Path, begins: bool) -> Path:
    """A model of letters whose tokenizer may set a token before every text."""
    save_letters(folder, "ab")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"bos_token": "<end>"})
    if begins:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<end> $A", special_tokens=[("<end>", tokenizer.bos_token_id)]
        )
    tokenizer.save_pretrained(folder)
    return folder


def test_a_family_that_wants_a_beginning_gets_it_once(make_critic: MakeCritic, tmp_path: Path) -> None:
    critic = make_critic(model=beginning(tmp_path, begins=True))
    assert critic.tokenizer("ab").input_ids[0] == critic.tokenizer.bos_token_id, "the family wants one"
    begin = critic.tokenizer.bos_token_id
    row = critic._row(0, episode("ab", "b"))
    assert row.tokens == [begin, *critic.tokenizer("abb", add_special_tokens=False).input_ids]
    assert row.spans == [(0, [2, 3])]


def test_a_family_that_wants_no_beginning_gets_none(make_critic: MakeCritic, tmp_path: Path) -> None:
    critic = make_critic(model=beginning(tmp_path, begins=False))
    row = critic._row(0, episode("ab", "b"))
    assert row.tokens == critic.tokenizer("abb", add_special_tokens=False).input_ids


def test_a_history_that_begins_with_nothing_is_valued(make_critic: MakeCritic) -> None:
    """An agent that skips the first turn, before a critic without global information."""
    critic = make_critic()
    first, second = said(critic, episode("", "[a] late\n"))[0]
    assert first == pytest.approx(said(critic, episode(""))[0][0], abs=1e-4)
    assert second != pytest.approx(first, abs=1e-2)


def test_recent_reading_bounds_what_is_read_between_two_values(make_critic: MakeCritic) -> None:
    long, short = (
        episode("[a] a long opening\n" * 9, "[b] and as long a turn\n" * 9),
        episode("[a] hi\n", "yo\n"),
    )
    everything, recent = (make_critic(context=16, reads=reads) for reads in ("all", "recent"))
    row = recent._row(0, long)
    assert len(row.tokens) == 32 < len(everything._row(0, long).tokens)
    whole = everything._row(0, long).tokens
    opening = len(recent.tokenizer(long.passages[0].text).input_ids)
    assert row.tokens == [*whole[opening - 16 : opening], *whole[-16:]]
    assert said(recent, short) == said(everything, short)


def test_a_saved_critic_goes_on_bit_for_bit(make_critic: MakeCritic, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimization": {"learning_rate": 1e-2}}
    critic = make_critic(**settings)
    learn(critic, VIEWS, 1.0)
    critic.save(tmp_path / "critic")
    critic.save_optimizer(tmp_path / "critic.pt")
    resumed = make_critic(model=Path("nowhere"), weights=tmp_path / "critic", **settings)
    resumed.load_optimizer(tmp_path / "critic.pt")
    assert said(resumed, *VIEWS) == said(critic, *VIEWS)
    for one in (critic, resumed):
        learn(one, VIEWS, 1.0)
    found = parameters(resumed)
    assert all(torch.equal(value, found[name]) for name, value in parameters(critic).items())


def test_a_half_precision_trunk_has_a_value_head_in_float32(make_critic: MakeCritic) -> None:
    critic = make_critic(dtype="bfloat16")
    values = critic.predict(VIEWS)
    assert values.by_passage[0].dtype == torch.float32
    report = critic.update(VIEWS, values, [torch.ones_like(one) for one in values.by_passage], 1.0, 0, 1)
    assert report["grad_norm"] > 0


def test_a_scaled_critic_starts_at_its_targets_and_is_saved_with_them(
    make_critic: MakeCritic, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"optimization": {"learning_rate": 1e-2}, "scaled_targets": True}
    critic = make_critic(fresh=True, **settings)
    assert critic.awaits_scale
    critic.follow(torch.tensor([30.0, 50.0]))
    assert not critic.awaits_scale
    assert {value for values in said(critic, *VIEWS) for value in values} == {40.0}
    learn(critic, VIEWS, 1.0)
    assert {value for values in said(critic, *VIEWS) for value in values} != {40.0}
    critic.save(tmp_path / "critic")
    resumed = make_critic(model=Path("nowhere"), weights=tmp_path / "critic", **settings)
    assert not resumed.awaits_scale
    assert said(resumed, *VIEWS) == said(critic, *VIEWS)
