"""What a tree's gradient should vary by, and what it should cost: the propositions and the exact law.

A game pays one agent for its bits, drawn evenly. The estimate at the root is ``(1/K) sum_k s_k R_k`` with the
score ``s = a - 1/2`` of the first bit and the mean return ``R_k`` of the tree below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from statistics import fmean, pvariance

Bits = tuple[int, ...]
Pay = Callable[[Bits], float]
"""From the bits of an episode so far to the reward of the last of them."""


def depth_variances(pay: Pay, turns: int) -> list[float]:
    """``V_1 .. V_H``: what the bit at each depth adds to the variance of one sample's estimate."""

    def mean(past: Bits) -> float:
        ends = product((0, 1), repeat=turns - len(past))
        return fmean(_estimate(pay, (*past, *end)) for end in ends)

    def added(past: Bits) -> float:
        return pvariance([mean((*past, 0)), mean((*past, 1))])

    return [fmean(map(added, product((0, 1), repeat=depth))) for depth in range(turns)]


def exact_variance(added: Sequence[float], count: int) -> float:
    """Of a full tree with ``count`` samples at each history: ``sum_j V_j / K^j``."""
    return sum(one / float(count**depth) for depth, one in enumerate(added, 1))


def proposed_variance(variance: float, count: int, turns: int) -> float:
    """Proposition 3.1: ``sigma^2 / K^(H - t)`` at ``t = 0``; ``variance`` is that of ``K = 1``."""
    return variance / float(count**turns)


def proposed_calls(agents: int, count: int, turns: int, crossed: bool = False) -> int:
    """Proposition 3.2: the actions that a full tree takes; ``crossed`` by the same counting.

    At each history every agent draws ``count``; ``count`` histories follow, crossed ``count ** agents``.
    """
    following: int = count**agents if crossed else count
    return sum(int(agents * count * following**turn) for turn in range(turns))


def _estimate(pay: Pay, bits: Bits) -> float:
    return (bits[0] - 0.5) * sum(pay(bits[:turn]) for turn in range(1, len(bits) + 1))
