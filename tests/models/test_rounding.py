from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from collm.base.seeding import derive
from collm.models.config import Optimization
from collm.models.moments import EightBit, dynamic_values, rounded
from collm.models.optimizer import Optimizer
from collm.models.rounding import PART, RoundingAdamW

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


def whole_tensor_step(
    weights: Tensor, mean: Tensor, square: Tensor, gradient: Tensor, step: int, number: int
) -> None:
    """The same step without parts: everything of a parameter in float32 at once."""
    first, second = 0.9, 0.99  # of SETTINGS
    noise = generator(derive(0, "rounding", step, number))
    grown = gradient.float()
    new_mean = mean.float().lerp_(grown, 1 - first)
    new_square = square.float().mul_(second).addcmul_(grown, grown, value=1 - second)
    scale = (new_square / (1 - second**step)).sqrt_().add_(1e-8)
    moved = weights.float() * (1 - SETTINGS["lr"] * SETTINGS["weight_decay"])  # type: ignore[operator]
    moved.addcdiv_(new_mean, scale, value=-SETTINGS["lr"] / (1 - first**step))  # type: ignore[operator]
    for target, exact in ((weights, moved), (mean, new_mean), (square, new_square)):
        target.copy_(rounded(exact, target.dtype, noise))


@pytest.mark.parametrize("size", [7, PART, 2 * PART + 300])
def test_parts_change_no_bit(size: int) -> None:
    start = torch.randn(size, generator=generator()).bfloat16()
    parameter, weights = nn.Parameter(start.clone()), start.clone()
    mean, square = torch.zeros_like(start), torch.zeros_like(start)
    optimizer = RoundingAdamW([parameter], **SETTINGS)  # type: ignore[arg-type]
    for step in (1, 2, 3):
        gradient = torch.randn(size, generator=generator(step)).bfloat16()
        parameter.grad = gradient
        optimizer.step()
        whole_tensor_step(weights, mean, square, gradient, step, 0)
    assert torch.equal(parameter, weights)
    assert torch.equal(optimizer.state[parameter]["mean"], mean)
    assert torch.equal(optimizer.state[parameter]["square"], square)


def large(dtype: torch.dtype = torch.bfloat16) -> nn.Parameter:
    return nn.Parameter((0.02 * torch.randn(80, 256, generator=generator())).to(dtype))


def stepped(optimizer: Optimizer, parameter: nn.Parameter, steps: range) -> Tensor:
    """The weights after some steps under noisy gradients of one sign on average."""
    for step in steps:
        noise = torch.randn(parameter.shape, generator=generator(step))
        parameter.grad = (1e-3 * (1 + noise)).to(parameter.dtype)
        optimizer.step(0, 1)
    return parameter.detach().clone()


def test_moments_in_the_hosts_memory_change_no_bit() -> None:
    here, there = large(), large()
    config = Optimization(learning_rate=1e-4)
    offloaded = Optimizer([there], config.model_copy(update={"optimizer": "adamw_offload"}))
    assert torch.equal(
        stepped(offloaded, there, range(5)), stepped(Optimizer([here], config), here, range(5))
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_moments_of_8_bits_go_where_the_others_go(dtype: torch.dtype) -> None:
    plain, coarse = large(dtype), large(dtype)
    start, config = plain.detach().float().clone(), Optimization(learning_rate=5e-6)
    optimizer = Optimizer([coarse], config.model_copy(update={"optimizer": "adamw_8bit"}))
    far = stepped(Optimizer([plain], config), plain, range(60)).float() - start
    found = stepped(optimizer, coarse, range(60)).float() - start
    assert float(found.mean()) == pytest.approx(float(far.mean()), rel=0.1)
    assert float(far.mean()) < -1e-4


def test_moments_of_8_bits_take_a_byte_a_number_and_go_on_bit_for_bit(tmp_path: Path) -> None:
    config = Optimization(learning_rate=1e-4, optimizer="adamw_8bit")
    whole, parts = large(), large()
    expected = stepped(Optimizer([whole], config), whole, range(6))
    first = Optimizer([parts], config)
    stepped(first, parts, range(3))
    first.save(tmp_path / "state.pt")
    assert (tmp_path / "state.pt").stat().st_size < 2 * parts.numel() * 1.1 + 4096
    second = Optimizer([parts], config)
    second.load(tmp_path / "state.pt")
    assert torch.equal(stepped(second, parts, range(3, 6)), expected)


def test_an_8_bit_moment_is_near_what_was_written() -> None:
    exact = torch.randn(4096, generator=generator())
    for signed, numbers in ((True, exact), (False, exact.square())):
        moments = EightBit(signed)
        stored = moments.zeros(numbers, numbers.device)
        assert not moments.read(stored, numbers.device).any()
        moments.write(stored, numbers, generator())
        found = moments.read(stored, numbers.device)
        assert float((found - numbers).abs().mean() / numbers.abs().mean()) < 0.02


@pytest.mark.parametrize("signed", [True, False])
def test_a_byte_stands_for_256_numbers(signed: bool) -> None:
    values = dynamic_values(signed)
    assert len(values.unique()) == 256
    assert values.tolist() == sorted(values.tolist())
    assert {0.0, 1.0} <= set(values.tolist())
    assert bool((values < 0).any()) == signed
