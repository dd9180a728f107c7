"""``m_t`` as numbers, for what reads it beside text or without any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collm.agents.taking_over import take_over
from collm.errors import CollmError

_FILE = "numbers.safetensors"


def numbers_tensor(numbers: Sequence[tuple[float, ...]], count: int) -> Tensor:
    """``"place number"``.

    Raises:
        CollmError: if they are not as many at every place.
    """
    for one in numbers:
        if len(one) != count:
            problem = f"there are {count} at the first turn and {len(one)} at another."
            raise CollmError("global_numbers", problem, "let the environment give as many at every turn.")
    return torch.tensor(numbers)


class Widening(nn.Module):
    """Sets beside a hidden state as many features of numbers.

    The numbers themselves would hardly be heard: a step moves every weight of a head about as far, and a
    hidden state has thousands. Features lie within -1 and 1, whatever the numbers' units are.

    Args:
        numbers: how many there are.
        width: of the hidden state.
        seed: of the first features.
        saved: a folder written by :meth:`save`, when resuming.
    """

    def __init__(self, numbers: int, width: int, seed: int, saved: Path | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.features = nn.Linear(numbers, width)
        if saved is not None:
            take_over(self, saved / _FILE)

    def forward(self, hidden: Tensor, numbers: Sequence[tuple[float, ...]]) -> Tensor:
        """``"place width"``, and the numbers of each place, as ``"place 2*width"``."""
        given = numbers_tensor(numbers, self.features.in_features).to(hidden)
        return torch.cat([hidden, torch.tanh(self.features(given))], -1)

    def check_reads(self, numbers: Sequence[tuple[float, ...]]) -> None:
        """Test that it can read the numbers of some places.

        Raises:
            CollmError: as :func:`numbers_tensor` tells.
        """
        numbers_tensor(numbers, self.features.in_features)

    def save(self, folder: Path) -> None:
        save_file(self.state_dict(), folder / _FILE)
