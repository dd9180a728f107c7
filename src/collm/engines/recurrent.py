"""Sampling from families whose memory is no list of keys and values: recurrent states, convolutions, hybrids.

Their states cannot be padded, cut or branched. Contexts of one length are encoded together and go on until
the last of them ends; nothing is kept between turns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from collm.engines.cache import NOTHING_CACHED
from collm.engines.drawing import Draft, Sampled, choose, noise
from collm.models.config import Sampling
from collm.models.families import head_logits, trunk
from collm.types import FinishReason

_MEMORIES = ("past_key_values", "cache_params", "state")
"""What families call their memory, in what they return and in what they take."""


def sample_recurrent(
    model: Any, drafts: Sequence[Draft], sampling: Sampling, end_ids: Tensor
) -> list[Sampled]:
    """Draw one sample for each draft, in order."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, draft in enumerate(drafts):
        by_length[len(draft.context)].append(number)
    samples: dict[int, Sampled] = {}
    for numbers in by_length.values():
        batch = _sample_alike(model, [drafts[number] for number in numbers], sampling, end_ids)
        samples.update(zip(numbers, batch, strict=True))
    return [samples[number] for number in range(len(drafts))]


def _sample_alike(model: Any, drafts: Sequence[Draft], sampling: Sampling, end_ids: Tensor) -> list[Sampled]:
    """Samples of contexts of one length."""
    inputs = torch.tensor([draft.context for draft in drafts], device=model.device)
    uniforms = noise([draft.seed for draft in drafts], sampling.max_tokens)
    drawn: list[Tensor] = []
    logprobs: list[Tensor] = []
    ended = torch.zeros(len(drafts), dtype=torch.bool, device=model.device)
    memory: dict[str, Any] = {}
    for step in range(sampling.max_tokens):
        output = trunk(model)(input_ids=inputs, use_cache=True, **memory)
        memory = {name: output[name] for name in _MEMORIES if name in output}
        tokens, scores = choose(
            head_logits(model, output.last_hidden_state[:, -1]), uniforms[:, step], sampling
        )
        drawn.append(tokens)
        logprobs.append(scores)
        ended |= torch.isin(tokens, end_ids)
        if bool(ended.all()):
            break
        inputs = tokens.unsqueeze(1)
    ends = frozenset(end_ids.tolist())
    rows = zip(torch.stack(drawn, 1).tolist(), torch.stack(logprobs, 1).tolist(), strict=True)
    return [_until_end(tokens, scores, ends) for tokens, scores in rows]


def _until_end(tokens: list[int], logprobs: list[float], ends: frozenset[int]) -> Sampled:
    length = next((n for n, token in enumerate(tokens, 1) if token in ends), len(tokens))
    reason: FinishReason = "stop" if tokens[length - 1] in ends else "length"
    return Sampled(tuple(tokens[:length]), tuple(logprobs[:length]), reason, NOTHING_CACHED)
