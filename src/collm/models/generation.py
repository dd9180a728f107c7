"""What ``generation_config.json`` beside saved weights says, so that a server samples as training did."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from collm.models.config import Sampling

_EVERYTHING = 0
"""The ``top_k`` that keeps all tokens; transformers' own default would keep 50."""


def generation_settings(sampling: Sampling, end_ids: Collection[int] = ()) -> dict[str, Any]:
    """The fields of a ``transformers.GenerationConfig`` that draw as an agent does.

    Args:
        sampling: the agent's; at temperature 0 it is greedy.
        end_ids: every token that ends a reply; none leaves the model's own.
    """
    settings: dict[str, Any] = {"max_new_tokens": sampling.max_tokens}
    if end_ids:
        settings["eos_token_id"] = sorted(end_ids)
    if sampling.temperature == 0:
        return {**settings, "do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {
        **settings,
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": _EVERYTHING if sampling.top_k is None else sampling.top_k,
    }
