"""Which tokens end a reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collm.errors import CollmError
from collm.models.templates import rendered

_REPLY = "<<reply>>"


def end_ids(
    model: Any, tokenizer: Any, where: str, options: Mapping[str, Any] | None = None
) -> frozenset[int]:
    """Every token that ends a turn: the generation config's, the tokenizer's and the chat template's.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        where: names the model in errors.
        options: of the chat template.

    Raises:
        CollmError: if the generation config names no token.
    """
    configured = model.generation_config.eos_token_id
    ids = [*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id]
    odd = [token for token in ids if not isinstance(token, int | None) or isinstance(token, bool)]
    if odd:
        problem = f"eos_token_id in its generation_config.json is {odd[0]!r}, not the number of a token."
        raise CollmError(where, problem, "write a number, or a list of numbers.")
    ids.append(_end_of_turn(tokenizer, options or {}))
    return frozenset(token for token in ids if token is not None)


def _end_of_turn(tokenizer: Any, options: Mapping[str, Any]) -> int | None:
    """The special token that the chat template writes right behind a reply, if it does.

    Base models often have a template that ends turns with a token other than their ``eos_token``.
    """
    if not tokenizer.chat_template:
        return None
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _REPLY}]
    try:
        text = rendered(tokenizer, messages, options, prompt=False)
    except Exception:  # who renders an observation with it says what is wrong
        return None
    _, reply, after = text.rpartition(_REPLY)
    ids = tokenizer(after.lstrip(), add_special_tokens=False).input_ids if reply else []
    return ids[0] if ids and ids[0] in tokenizer.added_tokens_decoder else None
