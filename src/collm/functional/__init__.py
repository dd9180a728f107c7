"""The mathematics, as pure functions on tensors: log-probabilities, returns, advantages, losses.

Nothing here knows agents, models or files. Time indices follow the papers: arrays over turns have one
entry for each ``t`` in ``[0, H)``; ``next_values[t]`` is the value after turn ``t``.

Algorithms name these functions as ``functional.NAME``; they are imported when first used, so that a
recipe can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collm.functional.advantages import (
        clipped,
        group_relative,
        leave_one_out,
        less_largest,
        standardized,
    )
    from collm.functional.corrections import reweighted, truncated_weights
    from collm.functional.information import information_lower_bounds, information_upper_bounds
    from collm.functional.losses import (
        TokenScores,
        capped_shares,
        clipped_shares,
        clipped_value_losses,
        divergence_losses,
        entropy_losses,
        importance_ratios,
        policy_gradient_losses,
        surrogate_losses,
        token_divergences,
        value_losses,
    )
    from collm.functional.mixing import first_weights, monotonic_mix
    from collm.functional.preferences import preference_losses
    from collm.functional.returns import (
        children_means,
        lambda_advantages,
        n_step_advantages,
        td_residuals,
        tree_returns,
    )

_HOMES = {
    "advantages": ("clipped", "group_relative", "leave_one_out", "less_largest", "standardized"),
    "corrections": ("reweighted", "truncated_weights"),
    "information": ("information_lower_bounds", "information_upper_bounds"),
    "losses": (
        "TokenScores",
        "capped_shares",
        "clipped_shares",
        "clipped_value_losses",
        "divergence_losses",
        "entropy_losses",
        "importance_ratios",
        "policy_gradient_losses",
        "surrogate_losses",
        "token_divergences",
        "value_losses",
    ),
    "mixing": ("first_weights", "monotonic_mix"),
    "preferences": ("preference_losses",),
    "returns": ("children_means", "lambda_advantages", "n_step_advantages", "td_residuals", "tree_returns"),
}
__all__ = [
    "TokenScores",
    "capped_shares",
    "children_means",
    "clipped",
    "clipped_shares",
    "clipped_value_losses",
    "divergence_losses",
    "entropy_losses",
    "first_weights",
    "group_relative",
    "importance_ratios",
    "information_lower_bounds",
    "information_upper_bounds",
    "lambda_advantages",
    "leave_one_out",
    "less_largest",
    "monotonic_mix",
    "n_step_advantages",
    "policy_gradient_losses",
    "preference_losses",
    "reweighted",
    "standardized",
    "surrogate_losses",
    "td_residuals",
    "token_divergences",
    "tree_returns",
    "truncated_weights",
    "value_losses",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
