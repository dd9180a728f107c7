"""AdamW that rounds at random, goes through large tensors in parts, and keeps moments where there is room.

A step of 5e-6 is far below the spacing of bfloat16 numbers near typical weights, so rounding to the
nearest one would lose nearly all of it. Rounding up or down at random, in proportion to the distance,
keeps every step on average.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from collm.base.seeding import derive
from collm.models.moments import Moments, Plain, fits_blocks, flat, parts_of, rounded
from collm.models.spreading import part, place

__all__ = ["PART", "RoundingAdamW", "rounded"]

PART = 2**20
"""Numbers worked on at once: some 40 MB of passing float32 tensors, whatever the size of a parameter."""

_PLAIN = Plain()


class RoundingAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter 2019) that computes in float32 and rounds bfloat16 results at random.

    The noise depends on the seed, the step and the parameter alone, so a resumed run repeats it; of a
    parameter that is spread over processes each draws its own for its part.

    Args:
        parameters: of any floating type; what is not bfloat16 is rounded to the nearest number.
        lr, betas, eps, weight_decay: as in :class:`torch.optim.AdamW`.
        seed: of the rounding noise.
        moments: how the first and the second moment of large parameters are stored.
        home: where they lie; by default beside their parameters.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        seed: int = 0,
        moments: tuple[Moments, Moments] = (_PLAIN, _PLAIN),
        home: str | None = None,
    ) -> None:
        self._seed, self._moments, self._home = seed, moments, home
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply the gradients; ``closure`` is not supported."""
        for group in self.param_groups:
            for number, parameter in enumerate(group["params"]):
                if parameter.grad is not None:
                    self._step(parameter, group, number)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave, each moment in its own type and place."""
        super().load_state_dict({**state_dict, "state": {}})
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        for number, saved in state_dict["state"].items():
            parameter = parameters[number]
            self.state[parameter] = {
                name: value.to(self._home or parameter.device) if isinstance(value, Tensor) else value
                for name, value in saved.items()
            }

    def _step(self, parameter: Tensor, group: dict[str, Any], number: int) -> None:
        state, moments = self.state[parameter], self._stored_as(parameter)
        if not state:
            state["step"] = 0
            for name, one in zip(("mean", "square"), moments, strict=True):
                zeros = one.zeros(parameter, torch.device(self._home or parameter.device))
                state.update({name + key: value for key, value in zeros.items()})
        state["step"] += 1
        seed = derive(self._seed, "rounding", state["step"], number, *place(parameter))
        generator = torch.Generator(parameter.device).manual_seed(seed)
        parts = list(self._parts(parameter, state))
        # The weights first, which the moments of before decide; each from its own stretch of the noise.
        for weights, gradient, mean, square in parts:
            exact = _moved(
                weights,
                _mean(moments[0].read(mean, weights.device), gradient.float(), group),
                _square(moments[1].read(square, weights.device), gradient.float(), group),
                group,
                state["step"],
            )
            weights.copy_(rounded(exact, weights.dtype, generator))
        for _, gradient, mean, _ in parts:
            exact = _mean(moments[0].read(mean, gradient.device), gradient.float(), group)
            moments[0].write(mean, exact, generator)
        for _, gradient, _, square in parts:
            exact = _square(moments[1].read(square, gradient.device), gradient.float(), group)
            moments[1].write(square, exact, generator)

    def _stored_as(self, parameter: Tensor) -> tuple[Moments, Moments]:
        return self._moments if fits_blocks(parameter) else (_PLAIN, _PLAIN)

    @staticmethod
    def _parts(parameter: Tensor, state: Mapping[str, Any]) -> Any:
        """Weights, gradient and both moments, part by part; all are views but a gradient of odd strides."""
        mean, square = (
            {key.removeprefix(name): part(value) for key, value in state.items() if key.startswith(name)}
            for name in ("mean", "square")
        )
        own, gradient = part(parameter), part(parameter.grad)
        if not own.numel():  # too few rows for all processes
            return ()
        return zip(
            flat(own).split(PART),
            gradient.reshape(-1).split(PART),
            parts_of(mean, own.numel(), PART),
            parts_of(square, own.numel(), PART),
            strict=True,
        )


def _mean(before: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> Tensor:
    return before.lerp_(gradient, 1 - group["betas"][0])


def _square(before: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> Tensor:
    second = group["betas"][1]
    return before.mul_(second).addcmul_(gradient, gradient, value=1 - second)


def _moved(weights: Tensor, mean: Tensor, square: Tensor, group: Mapping[str, Any], step: int) -> Tensor:
    """The weights after a step, in float32."""
    first, second = group["betas"]
    scale = (square / (1 - second**step)).sqrt_().add_(group["eps"])
    start = weights.float() * (1 - group["lr"] * group["weight_decay"])
    moved: Tensor = start.addcdiv_(mean, scale, value=-group["lr"] / (1 - first**step))
    return moved
