"""AdamW for weights in half precision, at no more memory than the weights and two moments of their type.

A step of 5e-6 is far below the spacing of bfloat16 numbers near typical weights, so rounding to the
nearest one would lose nearly all of it. Rounding up or down at random, in proportion to the distance,
keeps every step on average.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from collm.base.seeding import derive

_LOST_BITS = 16
"""Bits of a float32 number that a bfloat16 number has no place for."""


class RoundingAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter 2019) that computes in float32 and rounds bfloat16 results at random.

    The noise depends on the seed, the step and the parameter alone, so a resumed run repeats it.

    Args:
        parameters: of any floating type; what is not bfloat16 is rounded to the nearest number.
        lr, betas, eps, weight_decay: as in :class:`torch.optim.AdamW`.
        seed: of the rounding noise.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        seed: int = 0,
    ) -> None:
        self._seed = seed
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply the gradients; ``closure`` is not supported."""
        for group in self.param_groups:
            for number, parameter in enumerate(group["params"]):
                if parameter.grad is not None:
                    self._step(parameter, group, number)

    def _step(self, parameter: Tensor, group: dict[str, Any], number: int) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        seed = derive(self._seed, "rounding", state["step"], number)
        generator = torch.Generator(parameter.device).manual_seed(seed)
        first, second = group["betas"]
        gradient = parameter.grad.float()  # type: ignore[union-attr]
        mean = state["mean"].float().lerp_(gradient, 1 - first)
        square = state["square"].float().mul_(second).addcmul_(gradient, gradient, value=1 - second)
        scale = (square / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        weights = parameter.float() * (1 - group["lr"] * group["weight_decay"])
        weights.addcdiv_(mean, scale, value=-group["lr"] / (1 - first ** state["step"]))
        for target, exact in ((parameter, weights), (state["mean"], mean), (state["square"], square)):
            target.copy_(rounded(exact, target.dtype, generator))


def rounded(exact: Tensor, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """A float32 tensor in another type; to bfloat16 so that its expectation is the exact value."""
    if dtype != torch.bfloat16:
        return exact.to(dtype)
    noise = torch.empty_like(exact, dtype=torch.int32).random_(1 << _LOST_BITS, generator=generator)
    bits = exact.contiguous().view(torch.int32) + noise
    return (bits >> _LOST_BITS << _LOST_BITS).view(torch.float32).to(dtype)
