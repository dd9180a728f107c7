"""A value head that works in the units of its targets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SLOWEST = 0.01
_LEAST_DEVIATION = 1e-2


class ScaledHead(nn.Linear):
    """Says ``mean + deviation * output``, with the running mean and deviation of its targets.

    Source: PopArt (van Hasselt et al. 2016). Before the first step it says the first targets' mean; later,
    a change of the statistics changes nothing that it says. Gradients are those of the loss in units of the
    deviation, so that a learning rate means the same whatever rewards are like.
    """

    mean: Tensor
    square: Tensor
    seen: Tensor

    def __init__(self, width: int, size: int, device: torch.device) -> None:
        super().__init__(width, size, device=device)
        for name in ("mean", "square", "seen"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float32, device=device))

    @property
    def started(self) -> bool:
        """Whether it has seen targets."""
        return bool(self.seen > 0)

    @property
    def deviation(self) -> Tensor:
        """1 until it has seen targets."""
        if not self.started:
            return torch.ones_like(self.mean)
        return (self.square - self.mean**2).clamp_min(_LEAST_DEVIATION**2).sqrt()

    def forward(self, hidden: Tensor) -> Tensor:
        output, deviation = super().forward(hidden), self.deviation
        inverse = output / deviation
        return inverse + (output * deviation - inverse).detach() + self.mean

    @torch.no_grad()
    def follow(self, targets: Tensor) -> None:
        """Take in some targets ``"value"``: the first count whole, later ones in a running average."""
        mean, deviation, started = self.mean.clone(), self.deviation.clone(), self.started
        self.seen += 1
        share = torch.maximum(1 / self.seen, torch.tensor(_SLOWEST).to(self.seen))
        self.mean += share * (targets.mean() - self.mean)
        self.square += share * (targets.square().mean() - self.square)
        if started:
            self.weight *= deviation / self.deviation
            self.bias.copy_((deviation * self.bias + mean - self.mean) / self.deviation)
