"""The last layer of a critic: plain, or in the units of its targets."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from collm.agents.taking_over import take_over

HEAD_FILE = "value_head.safetensors"
"""A critic's head, beside its trunk."""

_SLOWEST = 0.01
_LEAST_DEVIATION = 1e-2


class ValueHead(nn.Linear):
    """Says the value of a history from its hidden state; 0 at first."""

    def __init__(self, width: int, device: torch.device) -> None:
        super().__init__(width, 1, device=device)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    @property
    def awaits_scale(self) -> bool:
        """Whether it must see targets before it says anything."""
        return False

    def follow(self, targets: Tensor) -> None:
        """Take in the targets ``"value"`` of a step, after it."""


class ScaledHead(ValueHead):
    """Says ``mean + deviation * output``, with the running mean and deviation of its targets.

    Source: PopArt (van Hasselt et al. 2016). Before the first step it says the first targets' mean; later,
    a change of the statistics changes nothing that it says. Gradients are those of the loss in units of the
    deviation, so that a learning rate means the same whatever rewards are like.
    """

    mean: Tensor
    square: Tensor
    seen: Tensor

    def __init__(self, width: int, device: torch.device) -> None:
        super().__init__(width, device)
        for name in ("mean", "square", "seen"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float32, device=device))

    @property
    def awaits_scale(self) -> bool:
        """Until it has seen targets."""
        return not bool(self.seen > 0)

    @property
    def deviation(self) -> Tensor:
        """1 until it has seen targets."""
        if self.awaits_scale:
            return torch.ones_like(self.mean)
        return (self.square - self.mean**2).clamp_min(_LEAST_DEVIATION**2).sqrt()

    def forward(self, hidden: Tensor) -> Tensor:
        output, deviation = super().forward(hidden), self.deviation
        inverse = output / deviation
        return inverse + (output * deviation - inverse).detach() + self.mean

    @torch.no_grad()
    def follow(self, targets: Tensor) -> None:
        """Take in some targets ``"value"``: the first count whole, later ones in a running average."""
        targets, first = targets.to(self.mean), self.awaits_scale
        mean, deviation = self.mean.clone(), self.deviation.clone()
        self.seen += 1
        share = torch.maximum(1 / self.seen, torch.tensor(_SLOWEST).to(self.seen))
        self.mean += share * (targets.mean() - self.mean)
        self.square += share * (targets.square().mean() - self.square)
        if not first:
            self.weight *= deviation / self.deviation
            self.bias.copy_((deviation * self.bias + mean - self.mean) / self.deviation)


def open_head(width: int, scaled: bool, device: torch.device, saved: Path | None) -> ValueHead:
    """A fresh head, or that of a folder in which a critic was saved."""
    head = (ScaledHead if scaled else ValueHead)(width, device)
    if saved is not None:
        take_over(head, saved / HEAD_FILE)
    return head
