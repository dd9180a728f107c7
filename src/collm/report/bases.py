"""What frozen weights take that adapters share."""

from __future__ import annotations

from typing import Any

from collm.models.config import ModelConfig

_FOUR_BITS = 1 / 2 + 1 / 64
"""Bytes of a number in 4 bits, and of its share in its block's scale."""


def largest_layer(architecture: Any) -> int:
    """Numbers of the largest linear layer, which is unpacked while it is used."""
    text = architecture.get_text_config(decoder=True)
    return int(text.hidden_size * getattr(text, "intermediate_size", 4 * text.hidden_size))


def base_bytes(config: ModelConfig, architecture: Any, whole: int, size: int) -> int:
    """Bytes of weights that others share; in 4 bits those of linear layers, without the head.

    Args:
        config: of the model.
        architecture: its configuration.
        whole: numbers.
        size: bytes of a number that is not rounded.
    """
    if config.quantization is None:
        return whole * size
    text = architecture.get_text_config(decoder=True)
    spelled = text.vocab_size * text.hidden_size * (1 if architecture.tie_word_embeddings else 2)
    return int(spelled * size + (whole - spelled) * _FOUR_BITS)
