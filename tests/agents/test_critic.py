from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModel

from collm.agents.config import CriticConfig
from collm.agents.critic import Critic, explained_variance
from collm.agents.views import View
from collm.base.validation import validated
from tests.agents.models import assert_close

MakeCritic = Callable[..., Critic]

PLAIN_STEP = {"learning_rate": 1e8, "betas": (0.0, 0.0), "epsilon": 1e8, "max_grad_norm": None}
VIEWS = [
    View(("[a] start\n", "[a] left\n[b] stays\n", "end\n")),
    View(("[a] other\n",)),
    View(("[a] a rather longer opening than all the others\n", "short\n")),
]


@pytest.fixture(scope="module")
def make_critic(qwen3: Path) -> MakeCritic:
    """Build a critic on the CPU; its head says something unless ``fresh``."""

    def make(
        model: Path = qwen3, weights: Path | None = None, fresh: bool = False, **settings: Any
    ) -> Critic:
        values = {"model": str(model), "device": "cpu", **settings}
        critic = Critic(validated(CriticConfig, values, "critic"), "team", weights)
        if weights is None and not fresh:
            torch.nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(1))
        return critic

    return make


def said(critic: Critic, *views: View) -> list[list[float]]:
    return [values.tolist() for values in critic.values(views)]


def towards(goal: float, passages: slice = slice(None)) -> Any:
    """Targets that are ``goal`` at some passages and do not count at the others."""

    def targets(number: int, values: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.zeros(len(values))
        weights[passages] = 1.0
        return torch.full((len(values),), goal), weights

    return targets


def parameters(critic: Critic) -> dict[str, Tensor]:
    named = {**dict(critic.trunk.named_parameters()), **dict(critic.head.named_parameters(prefix="head"))}
    return {name: value.detach().clone() for name, value in named.items()}


def step_of(critic: Critic, views: list[View], targets: Any) -> dict[str, Tensor]:
    """What one update of a fresh critic subtracts from its parameters."""
    before = parameters(critic)
    critic.update(views, targets, 0, 1)
    return {name: before[name] - value for name, value in parameters(critic).items()}


def test_an_untrained_critic_says_zero(make_critic: MakeCritic) -> None:
    assert said(make_critic(fresh=True), *VIEWS) == [[0.0, 0.0, 0.0], [0.0], [0.0, 0.0]]


def test_one_pass_values_every_turn_as_valuing_each_prefix_alone_does(make_critic: MakeCritic) -> None:
    critic = make_critic()
    for view, values in zip(VIEWS, said(critic, *VIEWS), strict=True):
        assert len(values) == len(view.passages)
        alone = [said(critic, View(view.passages[: t + 1]))[0][-1] for t in range(len(values))]
        assert values == pytest.approx(alone, abs=1e-4)
        assert len({round(value, 3) for value in values}) == len(values)


def test_the_value_is_read_at_the_last_token_of_a_passage(make_critic: MakeCritic, qwen3: Path) -> None:
    critic, trunk = make_critic(), AutoModel.from_pretrained(qwen3).eval()
    ids = critic.tokenizer("".join(VIEWS[0].passages)).input_ids
    ends = [len(critic.tokenizer("".join(VIEWS[0].passages[: t + 1])).input_ids) - 1 for t in range(3)]
    with torch.no_grad():
        expected = critic.head(trunk(input_ids=torch.tensor([ids])).last_hidden_state)[0, ends, 0]
    assert said(critic, VIEWS[0])[0] == pytest.approx(expected.tolist(), abs=1e-4)


def test_no_token_sees_beyond_the_context_limit(make_critic: MakeCritic, qwen3: Path) -> None:
    limited = make_critic(model=qwen3, context=8)
    free = make_critic()
    for critic in (limited, free):
        critic.trunk.config.num_hidden_layers = 1
        critic.trunk.layers = critic.trunk.layers[:1]
    old, new = View(("AAAA the end\n",)), View(("BBBB the end\n",))
    assert said(limited, old) == said(limited, new)
    assert said(free, old) != said(free, new)
    alone = View((old.passages[0][-8:],))
    assert said(limited, old)[0] == pytest.approx(said(limited, alone)[0], abs=1e-4)


def test_values_with_a_context_limit_are_those_of_each_prefix_alone(make_critic: MakeCritic) -> None:
    critic = make_critic(context=12)
    for view, values in zip(VIEWS, said(critic, *VIEWS), strict=True):
        alone = [said(critic, View(view.passages[: t + 1]))[0][-1] for t in range(len(values))]
        assert values == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 64])
def test_microbatches_change_memory_alone(make_critic: MakeCritic, batch_tokens: int) -> None:
    whole, small = (make_critic(batch_tokens=n, optimization=PLAIN_STEP) for n in (10_000, batch_tokens))
    for one, other in zip(said(whole, *VIEWS), said(small, *VIEWS), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    expected = step_of(whole, VIEWS, towards(1.0))
    assert_close(step_of(small, VIEWS, towards(1.0)), expected, tolerance=1e-3)


def test_a_step_is_the_gradient_of_the_mean_squared_error(make_critic: MakeCritic) -> None:
    """Equations 3 and 5 with a constant target, averaged over all turns (Algorithm 1, line 23)."""
    critic, plain = make_critic(optimization=PLAIN_STEP), make_critic()
    errors = []
    for view in VIEWS:
        for t in range(len(view.passages)):
            ids = plain.tokenizer("".join(view.passages[: t + 1])).input_ids
            value = plain.head(plain.trunk(input_ids=torch.tensor([ids])).last_hidden_state)[0, -1, 0]
            errors.append((1.0 - value) ** 2)
    torch.stack(errors).mean().backward()
    named = {**dict(plain.trunk.named_parameters()), **dict(plain.head.named_parameters(prefix="head"))}
    expected = {name: p.grad for name, p in named.items() if p.grad is not None}
    assert_close(step_of(critic, VIEWS, towards(1.0)), expected, tolerance=1e-3)


def test_turns_of_no_weight_teach_nothing(make_critic: MakeCritic) -> None:
    first = step_of(make_critic(optimization=PLAIN_STEP), VIEWS, towards(1.0, slice(0, 1)))
    openings = [View(view.passages[:1]) for view in VIEWS]
    expected = step_of(make_critic(optimization=PLAIN_STEP), openings, towards(1.0))
    assert_close(first, expected, tolerance=1e-3)


def test_targets_are_asked_once_for_each_view_with_its_values(make_critic: MakeCritic) -> None:
    critic = make_critic(batch_tokens=1)
    expected, told = said(critic, *VIEWS), {}

    def targets(number: int, values: Tensor) -> tuple[Tensor, Tensor]:
        assert number not in told
        assert not values.requires_grad
        told[number] = values.tolist()
        return values + 1, torch.ones(len(values))

    report = critic.update(VIEWS, targets, 0, 1)
    for number, values in enumerate(expected):
        assert told[number] == pytest.approx(values, abs=1e-4)
    assert report["value_loss"] == pytest.approx(1.0, abs=1e-4)
    assert report["explained_variance"] == pytest.approx(1.0, abs=1e-4)


def test_a_critic_learns_values(make_critic: MakeCritic) -> None:
    critic = make_critic(fresh=True, optimization={"learning_rate": 1e-2})
    goals = {0: torch.tensor([1.0, -1.0, 2.0]), 1: torch.tensor([0.5]), 2: torch.tensor([-2.0, 0.0])}
    losses = [
        critic.update(VIEWS, lambda n, v: (goals[n], torch.ones(len(v))), 0, 1)["value_loss"]
        for _ in range(40)
    ]
    assert losses[0] == pytest.approx((1 + 1 + 4 + 0.25 + 4 + 0) / 6)
    assert losses[-1] < 0.05


def test_explained_variance() -> None:
    actual = torch.tensor([0.0, 2.0, 4.0])
    assert explained_variance(actual, actual) == 1.0
    assert explained_variance(actual - 5, actual) == 1.0
    assert explained_variance(torch.zeros(3), actual) == 0.0
    assert explained_variance(actual / 2, actual) == pytest.approx(0.75)
    assert explained_variance(torch.tensor([1.0, 2.0]), torch.ones(2)) == 0.0


def test_a_saved_critic_goes_on_bit_for_bit(make_critic: MakeCritic, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimization": {"learning_rate": 1e-2}}
    critic = make_critic(**settings)
    critic.update(VIEWS, towards(1.0), 0, 1)
    critic.save(tmp_path / "critic")
    critic.save_optimizer(tmp_path / "critic.pt")
    resumed = make_critic(model=Path("nowhere"), weights=tmp_path / "critic", **settings)
    resumed.load_optimizer(tmp_path / "critic.pt")
    assert said(resumed, *VIEWS) == said(critic, *VIEWS)
    for one in (critic, resumed):
        one.update(VIEWS, towards(1.0), 1, 1)
    found = parameters(resumed)
    assert all(torch.equal(value, found[name]) for name, value in parameters(critic).items())


def test_a_half_precision_trunk_has_a_value_head_in_float32(make_critic: MakeCritic) -> None:
    critic = make_critic(dtype="bfloat16")
    assert critic.values(VIEWS)[0].dtype == torch.float32
    report = critic.update(VIEWS, towards(1.0), 0, 1)
    assert report["grad_norm"] > 0
