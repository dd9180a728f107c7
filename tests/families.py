"""A tiny random model of every family that this project speaks of, with windows of 8 tokens if it has any."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY, WINDOW = 96, 8

_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_HEADS = {"num_key_value_heads": 2}
_ALTERNATING = {"layer_types": ["sliding_attention", "full_attention"]}
_WINDOW = {"sliding_window": WINDOW}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("llama", {}),
    "Llama 4": (
        "llama4_text",
        {
            "attention_chunk_size": WINDOW,
            "layer_types": ["chunked_attention", "full_attention"],
            "no_rope_layers": [1, 0],
            "num_local_experts": 2,
            "intermediate_size_mlp": 48,
            "floor_scale": 4,
        },
    ),
    "Qwen2": ("qwen2", {}),
    "Qwen2, windows": ("qwen2", {**_WINDOW, "use_sliding_window": True, "max_window_layers": 1}),
    "Qwen3": ("qwen3", {}),
    "Qwen3-MoE": ("qwen3_moe", _EXPERTS),
    "Qwen3-Next": (
        "qwen3_next",
        {
            **_EXPERTS,
            "shared_expert_intermediate_size": 16,
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_value_heads": 2,
            "linear_num_key_heads": 1,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
        },
    ),
    "Gemma": ("gemma", {}),
    "Gemma 2": (
        "gemma2",
        {**_WINDOW, **_ALTERNATING, "query_pre_attn_scalar": 16, "final_logit_softcapping": 3.0},
    ),
    "Gemma 3": ("gemma3_text", {**_WINDOW, **_ALTERNATING, "query_pre_attn_scalar": 16}),
    "Mistral": ("mistral", _WINDOW),
    "Mixtral": ("mixtral", {"num_local_experts": 4}),
    "Phi-3": ("phi3", _WINDOW),
    "StarCoder2": ("starcoder2", _WINDOW),
    "Cohere": ("cohere", {"logit_scale": 0.3}),
    "Cohere 2": ("cohere2", {**_WINDOW, **_ALTERNATING, "logit_scale": 0.3}),
    "Granite": (
        "granite",
        {
            "logits_scaling": 3.0,
            "embedding_multiplier": 2.0,
            "residual_multiplier": 0.7,
            "attention_multiplier": 0.2,
        },
    ),
    "gpt-oss": ("gpt_oss", {**_WINDOW, **_ALTERNATING, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "OLMo 2": ("olmo2", {}),
    "SmolLM3": ("smollm3", {}),
    "StableLM": ("stablelm", {}),
    "DeepSeek-V3": (
        "deepseek_v3",
        {
            **_HEADS,
            "kv_lora_rank": 16,
            "q_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 12,
            "head_dim": 8,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "moe_intermediate_size": 16,
        },
    ),
    "GPT-2": ("gpt2", {"n_positions": 128}),
    "GPT-NeoX": ("gpt_neox", {}),
    "GPT-J": ("gptj", {"n_positions": 128, "rotary_dim": 8}),
    "GPT-Neo": (
        "gpt_neo",
        {
            "num_layers": 2,
            "num_heads": 2,
            "attention_types": [[["global", "local"], 1]],
            "window_size": WINDOW,
        },
    ),
    "CodeGen": ("codegen", {"n_positions": 128, "rotary_dim": 8, "num_attention_heads": 4, "n_head": 4}),
    "OPT": ("opt", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "Falcon": ("falcon", {"head_dim": None}),
    "Falcon, alibi": ("falcon", {"alibi": True, "head_dim": None}),
    "Falcon-H1": (
        "falcon_h1",
        {
            "mamba_d_ssm": 32,
            "mamba_n_heads": 2,
            "mamba_d_head": 16,
            "mamba_d_state": 8,
            "mamba_chunk_size": 8,
            "lm_head_multiplier": 0.5,
        },
    ),
    "MPT": ("mpt", {"d_model": 32, "n_heads": 2, "n_layers": 2, "max_seq_len": 128}),
    "Bloom": ("bloom", {"n_head": 2, "n_layer": 2}),
    "Mamba": ("mamba", {"state_size": 8, "time_step_rank": 4}),
    "Mamba 2": ("mamba2", {"state_size": 8, "num_heads": 4, "head_dim": 16, "n_groups": 1, "chunk_size": 8}),
    "RWKV": ("rwkv", {"attention_hidden_size": 32, "context_length": 128}),
    "Jamba": (
        "jamba",
        {
            "num_experts": 2,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "use_mamba_kernels": False,
            "mamba_dt_rank": 4,
        },
    ),
    "LFM2": ("lfm2", {"layer_types": ["conv", "full_attention"], "block_ff_dim": 48}),
}
"""By name: the type of the model and what its configuration has beyond the sizes."""


def tiny_model(name: str, **more: Any) -> Any:
    """The family's model with random weights, in evaluation mode and float32."""
    kind, settings = FAMILIES[name]
    given = {**_SIZES, **settings, **more}
    config = AutoConfig.for_model(kind, **{key: value for key, value in given.items() if value is not None})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.15)
    return model.requires_grad_(True)
