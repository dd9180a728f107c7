"""Teaches a tiny model to read plans and write commands, by imitation of the demonstrations."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from collm.base.seeding import derive
from scripts.tiny_team.conversations import IGNORED, Batch, batches, examples
from scripts.tiny_team.practice_houses import Kind
from scripts.tiny_team.texts import training_houses
from scripts.tiny_team.vocabulary import MAX_LENGTH

SLOW_ROTATIONS = {"rope_type": "default", "rope_theta": 1e6}
"""Rotary positions that leave most dimensions of a head for matching by content."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training on fresh episodes.

    Attributes:
        episodes: how many are played.
        turns: of an episode on a small house.
        large_turns: of an episode on a large house, whose conversations are long.
        shares: how often each kind of house comes.
    """

    episodes: int
    turns: int
    large_turns: int
    shares: Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The whole warm start; the learning rate warms up, then falls to nothing along a cosine."""

    stages: tuple[Stage, ...]
    learning_rate: float = 4e-3
    warmup: float = 0.05
    tokens_per_batch: int = 2048


def first_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Qwen3: normalised queries and keys, heads wider together than the model."""
    config = Qwen3Config(
        **shared_config(tokenizer),
        hidden_size=64,
        intermediate_size=160,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        rope_parameters=SLOW_ROTATIONS,
    )
    return _with_related_digits(Qwen3ForCausalLM(config), tokenizer)


def second_model(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Qwen2: biased queries, keys and values."""
    config = Qwen2Config(
        **shared_config(tokenizer),
        hidden_size=96,
        intermediate_size=160,
        num_attention_heads=3,
        num_key_value_heads=1,
        rope_parameters=SLOW_ROTATIONS,
    )
    return _with_related_digits(Qwen2ForCausalLM(config), tokenizer)


def shared_config(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Initialised wider than usual: at 0.02 models as narrow as these learn to copy far more slowly."""
    return {
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 3,
        "max_position_embeddings": MAX_LENGTH,
        "tie_word_embeddings": True,
        "initializer_range": 0.07,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _with_related_digits(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Let tokens that hold the same single digit start alike, whatever separator is glued to it."""
    weight = model.get_input_embeddings().weight.data
    digits = torch.randn(10, weight.shape[1]) * model.config.initializer_range
    for token in range(len(tokenizer)):
        found = re.fullmatch(r"\D{0,5}(\d)\D{0,2}", tokenizer.decode([token]))
        if found:
            weight[token] = 0.25 * weight[token] + 0.97 * digits[int(found[1])]
    return model


def warm_start(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, agent: str, schedule: Schedule, seed: int
) -> None:
    """Train ``model`` in place, on one thread so that the same seed gives the same weights."""
    lessons = list(_lessons(tokenizer, agent, schedule, seed))
    fit(model, lessons, agent, schedule.learning_rate, schedule.warmup)


def fit(
    model: PreTrainedModel,
    lessons: Sequence[Batch],
    name: str,
    learning_rate: float = 4e-3,
    warmup: float = 0.05,
) -> None:
    """One pass over the batches; ``name`` heads the lines that it prints."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98))
    started, average = time.monotonic(), 0.0
    model.train()
    for step, batch in enumerate(lessons):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * _rate(step / len(lessons), warmup)
        loss = _loss(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average += (loss.item() - average) / min(step + 1, 100)
        if step % 100 == 0 or step == len(lessons) - 1:
            seconds = time.monotonic() - started
            print(f"{name} step {step}/{len(lessons)} loss {average:.3f} {seconds:.0f} s", flush=True)
    model.eval()


def _lessons(
    tokenizer: PreTrainedTokenizerFast, agent: str, schedule: Schedule, seed: int
) -> Iterator[Batch]:
    for number, stage in enumerate(schedule.stages):
        stage_seed = derive(seed, agent, "stage", number)
        houses = training_houses(stage.episodes, stage_seed, stage.shares)
        pool = examples(tokenizer, agent, houses, stage.turns, stage.large_turns, stage_seed)
        yield from batches(pool, schedule.tokens_per_batch, int(tokenizer.pad_token_id or 0), stage_seed)


def _rate(progress: float, warmup: float) -> float:
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def _loss(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Cross-entropy on the agent's own tokens; padding on the right needs no mask under causal attention."""
    logits = model(input_ids=batch.ids, use_cache=False).logits[:, :-1]
    targets = batch.labels[:, 1:]
    mine = targets != IGNORED
    return F.cross_entropy(logits[mine], targets[mine])


def parameter_count(models: Sequence[PreTrainedModel]) -> list[int]:
    """Parameters of each model, tied ones once."""
    return [sum(parameter.numel() for parameter in model.parameters()) for model in models]
