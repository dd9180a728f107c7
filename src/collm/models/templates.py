"""Renders chat templates, which are programs of others: in transformers' sandbox, and only so long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from collm.contract.patience import within

MOST_SECONDS = 20.0
"""No honest template takes so long; a loop may."""


def rendered(
    tokenizer: Any, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any], prompt: bool
) -> str:
    """Messages as the tokenizer's chat template writes them.

    Args:
        options: extra arguments of the template.
        prompt: whether the opening of a reply follows.

    Raises:
        HangingError: if it takes longer than :data:`MOST_SECONDS`.
        Exception: whatever the template raises.
    """
    render = partial(
        tokenizer.apply_chat_template, list(messages), tokenize=False, add_generation_prompt=prompt, **options
    )
    return str(within(MOST_SECONDS, render))
