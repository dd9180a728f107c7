"""AdamW with a schedule that depends on progress alone, so that resuming needs no scheduler state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from collm.models.config import Optimization
from collm.models.moments import EightBit
from collm.models.rounding import RoundingAdamW
from collm.models.spreading import spread_as, whole, whole_state


def rate_factor(config: Optimization, update: int, planned_updates: int) -> float:
    """The share of the peak learning rate at an update, counted from 0."""
    if update < config.warmup:
        return (update + 1) / (config.warmup + 1)
    left = 1 - (update - config.warmup) / max(1, planned_updates - config.warmup)
    if config.schedule == "linear":
        return max(0.0, left)
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (1 - max(0.0, left))))
    return 1.0


class Optimizer:
    """Steps the parameters of one model.

    Args:
        parameters: trainable ones.
        config: learning rate, decay, clip and schedule.
        seed: of the noise that rounds weights in half precision.

    Attributes:
        steps: taken so far.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], config: Optimization, seed: int = 0) -> None:
        self._parameters, self._config = list(parameters), config
        self.steps = 0
        self._adamw: torch.optim.Optimizer = _kind(self._parameters, config, seed)(
            self._parameters,
            lr=config.learning_rate,
            betas=config.betas,
            eps=config.epsilon,
            weight_decay=config.weight_decay,
        )

    def step(self, update: int, planned_updates: int) -> tuple[float, float]:
        """Apply and clear the gradients; return their norm before the clip and the learning rate.

        Gradients whose norm is not finite are cleared alone: a run ends when it meets such a norm.
        """
        limit = math.inf if self._config.max_grad_norm is None else self._config.max_grad_norm
        norm = float(whole(nn.utils.clip_grad_norm_(self._parameters, limit)))
        rate = self._config.learning_rate * rate_factor(self._config, update, planned_updates)
        for group in self._adamw.param_groups:
            group["lr"] = rate
        if math.isfinite(norm):
            self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self.steps += 1
        return norm, rate

    def save(self, file: Path, writes: bool = True) -> None:
        """Write the state, as one process would; whoever has a part of a moment must call this too.

        Args:
            writes: whether this process does.
        """
        adamw = whole_state(self._adamw.state_dict(), writes)
        if writes:
            torch.save({"steps": self.steps, "adamw": adamw}, file)

    def load(self, file: Path) -> None:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        self._adamw.load_state_dict(spread_as(self._parameters, state["adamw"]))
        self.steps = state["steps"]


def _kind(parameters: Sequence[nn.Parameter], config: Optimization, seed: int) -> Any:
    """What makes the optimizer of that name."""
    if config.optimizer == "adamw_8bit":
        moments = (EightBit(signed=True), EightBit(signed=False))
        return partial(RoundingAdamW, seed=seed, moments=moments)
    if config.optimizer == "adamw_offload":
        return partial(RoundingAdamW, seed=seed, home="cpu")
    if any(parameter.dtype != torch.float32 for parameter in parameters):
        return partial(RoundingAdamW, seed=seed)
    on_gpu = all(parameter.device.type == "cuda" for parameter in parameters)
    return partial(torch.optim.AdamW, fused=True) if on_gpu else torch.optim.AdamW
