"""The shapes of the two builders: as narrow as reading a plan allows, since every RL update pays for them."""

from __future__ import annotations

from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from scripts.tiny_team.warm_start import shared_config

_SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def first_builder(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Qwen3: normalised queries and keys."""
    return Qwen3ForCausalLM(Qwen3Config(**shared_config(tokenizer), **_SHAPE, head_dim=16))


def second_builder(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Qwen2: biased queries, keys and values; heads of 16 here too."""
    return Qwen2ForCausalLM(Qwen2Config(**shared_config(tokenizer), **_SHAPE))
