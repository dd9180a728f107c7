from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from collm.models.config import Optimization
from collm.models.optimizer import Optimizer
from collm.models.rounding import RoundingAdamW, rounded

SETTINGS = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.1}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gradients(steps: int, size: int = 50) -> list[Tensor]:
    return list(torch.randn(steps, size, generator=generator(1)))


def test_in_float32_it_is_adamw() -> None:
    start = torch.randn(50, generator=generator())
    one, other = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    plain, rounding = torch.optim.AdamW([one], **SETTINGS), RoundingAdamW([other], **SETTINGS)  # type: ignore[arg-type]
    for gradient in gradients(20):
        one.grad, other.grad = gradient.clone(), gradient.clone()
        plain.step()
        rounding.step()
    torch.testing.assert_close(other, one)


def test_rounding_gives_one_of_the_two_neighbours_and_the_exact_value_on_average() -> None:
    below, above = 1.0, 1.0 + 2**-7
    for value, sign in ((1.0 + 0.25 * 2**-7, 1), (-(1.0 + 0.25 * 2**-7), -1)):
        found = rounded(torch.full((40_000,), value), torch.bfloat16, generator()).double()
        assert set(found.tolist()) == {sign * below, sign * above}
        assert float(found.mean()) == pytest.approx(value, abs=1e-4)


def test_numbers_that_fit_stay_as_they_are() -> None:
    exact = torch.randn(1000, generator=generator()).bfloat16().float()
    special = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, 2.0**-120])
    for values in (exact, special):
        assert torch.equal(rounded(values, torch.bfloat16, generator()).float(), values)
    assert torch.equal(rounded(torch.tensor([0.1]), torch.float32, generator()), torch.tensor([0.1]))


def progress(dtype: torch.dtype, steps: int = 100) -> Tensor:
    """How far typical weights come at the papers' learning rate under gradients of one sign."""
    weights = 0.02 * torch.randn(20_000, generator=generator())
    parameter = nn.Parameter(weights.to(dtype))
    start = parameter.detach().float().clone()
    optimizer = Optimizer([parameter], Optimization(learning_rate=5e-6))
    for _ in range(steps):
        parameter.grad = torch.full_like(parameter, 1e-3)
        optimizer.step(0, 1)
    return start - parameter.detach().float()


def test_bfloat16_weights_take_steps_that_are_smaller_than_their_spacing() -> None:
    assert float(progress(torch.float32).mean()) == pytest.approx(5e-4, rel=1e-3)
    assert float(progress(torch.bfloat16).mean()) == pytest.approx(5e-4, rel=0.05)


def test_moments_of_bfloat16_weights_follow_their_gradients() -> None:
    """Rounded to the nearest number, the second moment could not move by a thousandth of itself."""
    parameter = nn.Parameter(torch.zeros(4000, dtype=torch.bfloat16))
    optimizer = RoundingAdamW([parameter], lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    for step in range(600):
        parameter.grad = torch.full_like(parameter, 1.0 if step < 300 else 2.0)
        optimizer.step()
    expected = (1 - 0.999**300) * 0.999**300 + 4 * (1 - 0.999**300)
    assert float(optimizer.state[parameter]["square"].float().mean()) == pytest.approx(expected, rel=0.02)


def test_a_saved_state_goes_on_bit_for_bit(tmp_path: Path) -> None:
    def run(optimizer: Optimizer, parameter: nn.Parameter, some: list[Tensor]) -> None:
        for gradient in some:
            parameter.grad = gradient.bfloat16()
            optimizer.step(0, 1)

    config = Optimization(learning_rate=1e-4)
    whole, parts = (nn.Parameter(torch.ones(50, dtype=torch.bfloat16)) for _ in range(2))
    run(Optimizer([whole], config), whole, gradients(10))
    first = Optimizer([parts], config)
    run(first, parts, gradients(10)[:5])
    first.save(tmp_path / "state.pt")
    second = Optimizer([parts], config)
    second.load(tmp_path / "state.pt")
    run(second, parts, gradients(10)[5:])
    assert torch.equal(parts, whole)


def test_the_rounding_noise_follows_the_seed_of_the_optimizer() -> None:
    def moved(seed: int) -> Tensor:
        parameter = nn.Parameter(torch.ones(1000, dtype=torch.bfloat16))
        optimizer = Optimizer([parameter], Optimization(learning_rate=1e-4), seed)
        parameter.grad = torch.ones_like(parameter)
        optimizer.step(0, 1)
        return parameter.detach().clone()

    assert torch.equal(moved(1), moved(1))
    assert not torch.equal(moved(1), moved(2))
