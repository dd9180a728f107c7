"""Mixing of agents' values into the team's."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import elu


def monotonic_mix(values: Tensor, weights: Tensor, width: int) -> Tensor:
    """``|W2|^T ELU(|W1|^T q + b1) + v``, which no value lowers when it rises (Rashid et al. 2018, QMIX).

    Args:
        values: ``"agent turn"``.
        weights: ``"turn output"``: ``W1`` agent by agent, ``b1``, ``W2`` and ``v``, as
            :func:`first_weights` orders them.
        width: of the hidden layer.

    Returns:
        ``"turn"``.
    """
    agents, turns = values.shape
    first, bias, second, last = weights.split([agents * width, width, width, 1], dim=-1)
    spread = first.abs().view(turns, agents, width) * values.T.unsqueeze(-1)
    hidden = elu(spread.sum(1) + bias)
    mixed: Tensor = (hidden * second.abs()).sum(-1) + last.squeeze(-1)
    return mixed


def first_weights(agents: int, width: int) -> tuple[float, ...]:
    """Weights to begin with: all values count alike, and values of 0 mix to 0.

    The hidden biases lie evenly between -1 and 1. Were they all beyond the bend, the mixture would be a
    sum, and where a sum fits best no gradient would ever bend it.
    """
    biases = [(2 * unit + 1) / width - 1 for unit in range(width)]
    level = sum(bias if bias > 0 else math.expm1(bias) for bias in biases) / width
    return (1.0,) * (agents * width) + (*biases, *(1 / width for _ in biases), -level)
