"""Tiny checkpoints in the real formats, for tests: Qwen3 and Qwen2 models with different tokenizers."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BRACKETS = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def byte_tokenizer(specials: list[str], end: str, template: str | None) -> PreTrainedTokenizerFast:
    """One token for each byte, after the special ones; nothing is unknown."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*specials, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=end, pad_token=specials[0], extra_special_tokens=specials
    )
    fast.chat_template = template
    return fast


def letter_tokenizer(letters: str) -> PreTrainedTokenizerFast:
    """One token for each of a few letters; all others are left out."""
    names = ["<pad>", "<end>", *sorted(set(letters))]
    tokenizer = Tokenizer(models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[]))
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>", extra_special_tokens=names[:2]
    )


def save_letters(
    folder: Path, letters: str, seed: int = 0, width: int = 16, scale: float = 0.08, layers: int = 1
) -> Path:
    """A small model that reads and writes nothing but some letters."""
    tokenizer = letter_tokenizer(letters)
    sizes = {**_sizes(width, layers), "initializer_range": scale}
    config = Qwen3Config(**sizes, vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id)
    return _save(Qwen3ForCausalLM, config, tokenizer, folder, seed)


def save_qwen3(
    folder: Path, seed: int = 0, width: int = 32, layers: int = 2, template: str | None = CHATML
) -> Path:
    tokenizer = byte_tokenizer(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>", template)
    config = Qwen3Config(
        **_sizes(width, layers), vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id
    )
    return _save(Qwen3ForCausalLM, config, tokenizer, folder, seed)


def save_qwen2(
    folder: Path, seed: int = 0, width: int = 32, layers: int = 2, template: str | None = BRACKETS
) -> Path:
    tokenizer = byte_tokenizer(["<pad>", "</s>"], "</s>", template)
    config = Qwen2Config(
        **_sizes(width, layers), vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id
    )
    return _save(Qwen2ForCausalLM, config, tokenizer, folder, seed)


def _sizes(width: int, layers: int) -> dict[str, object]:
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": width // 2,
        "intermediate_size": 2 * width,
        "initializer_range": 0.08,
        "tie_word_embeddings": True,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
    }


def _save(
    model_class: type, config: object, tokenizer: PreTrainedTokenizerFast, folder: Path, seed: int
) -> Path:
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    model_class(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    torch.set_rng_state(state)
    return folder
