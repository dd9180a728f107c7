"""Conversations as tokens, laid out as the library's rollouts lay out an agent's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from collm.base.seeding import derive
from collm.envs.minecraft.blueprint import Blueprint
from scripts.tiny_team.texts import Conversation, house_build, play

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation; ``labels`` repeats ``ids`` on the agent's own tokens and is ignored elsewhere."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of shape "example token", padded on the right."""

    ids: torch.Tensor
    labels: torch.Tensor


def examples(
    tokenizer: PreTrainedTokenizerFast,
    agent: str,
    houses: Sequence[Blueprint],
    turns: int,
    large_turns: int,
    seed: int,
) -> list[Example]:
    """One episode on every house, from one agent's side; long plans get fewer turns."""
    env = house_build()
    episodes = (
        play(env, house, turns if len(house.rectangles()) < 16 else large_turns, derive(seed, "play", index))
        for index, house in enumerate(houses)
    )
    return [example(tokenizer, episode[agent]) for episode in episodes]


def example(tokenizer: PreTrainedTokenizerFast, conversation: Conversation) -> Example:
    """Tokenize turn by turn: what the template adds before a reply, then the reply and its end token."""
    ids: list[int] = []
    labels: list[int] = []
    messages: list[dict[str, str]] = []
    written = ""
    for exchange in conversation:
        messages.append({"role": "user", "content": exchange.observation})
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        read = encode(tokenizer, prompt[len(written) :])
        wrote = encode(tokenizer, exchange.reply + tokenizer.eos_token)
        ids += [*read, *wrote]
        labels += [*[IGNORED] * len(read), *wrote]
        messages.append({"role": "assistant", "content": exchange.reply})
        written = prompt + exchange.reply + tokenizer.eos_token
    return Example(tuple(ids), tuple(labels))


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """Token ids of a text, special tokens in it recognised and none added."""
    return list(tokenizer.encode(text, add_special_tokens=False))


def batches(pool: Sequence[Example], token_budget: int, pad: int, seed: int) -> Iterator[Batch]:
    """Every example once, in batches of similar lengths of about ``token_budget`` tokens, shuffled."""
    groups: list[list[Example]] = [[]]
    for item in sorted(pool, key=lambda item: len(item.ids)):
        if (len(groups[-1]) + 1) * len(item.ids) > token_budget and groups[-1]:
            groups.append([])
        groups[-1].append(item)
    generator = torch.Generator().manual_seed(seed)
    for index in torch.randperm(len(groups), generator=generator).tolist():
        yield _padded(groups[index], pad)


def _padded(group: Sequence[Example], pad: int) -> Batch:
    length = max(len(item.ids) for item in group)
    ids = [[*item.ids, *[pad] * (length - len(item.ids))] for item in group]
    labels = [[*item.labels, *[IGNORED] * (length - len(item.labels))] for item in group]
    return Batch(torch.tensor(ids), torch.tensor(labels))
