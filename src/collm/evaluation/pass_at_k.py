"""pass@k (paper appendix D.1)."""

from __future__ import annotations

from math import comb


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Estimate the chance that at least one of ``k`` samples is correct.

    The unbiased estimator ``1 - C(n - c, k) / C(n, k)`` of a problem of which ``c`` of ``n`` samples are
    correct (a sample is if there are tests and all pass). With fewer than ``k`` samples it is 1 if any is
    correct, else 0. Average it over problems.

    Raises:
        ValueError: if the counts make no sense.
    """
    if not 0 <= correct <= samples or k < 1:
        raise ValueError(f"need 0 <= correct <= samples and k >= 1, got {correct}, {samples} and {k}")
    if correct == 0:
        return 0.0
    if samples < k:
        return 1.0
    return 1.0 - comb(samples - correct, k) / comb(samples, k)
