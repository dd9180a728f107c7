"""Preferences between two of a kind (Bradley and Terry 1952)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid


def preference_losses(margins: Tensor) -> Tensor:
    """``-log sigmoid(margin)``: what it costs to say that the preferred one is better by ``margin``.

    Its slope by the margin is ``-sigmoid(-margin)``. ``"pair"``.
    """
    return -logsigmoid(margins)
