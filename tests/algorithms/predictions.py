"""What a critic is taken to say, for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from collm.algorithms.base import Prediction


def values(before: Sequence[float], following: Sequence[float]) -> Prediction:
    """Values before and after each turn, and none of single actions."""
    after = torch.full((len(before),), math.nan)
    return Prediction(torch.tensor(before), torch.tensor(following), after)
