"""Holds a model to what sampling and learning take for granted: that both see the model's own distribution.

Samples of a few tokens are drawn, over two turns and beyond the family's windows, and scored in a shared
row. Both must agree with a plain forward pass over each sample alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from collm.engines.decoding import Decoder, Draft
from collm.errors import CollmError
from collm.functional.logprobs import token_logprobs
from collm.models.config import Sampling
from collm.models.families import family, text_config
from collm.models.packing import Cost, pack
from collm.models.rows import Row
from collm.models.teacher_forcing import score
from collm.types import Ids

_REPLY = 12
_SAMPLING = Sampling(max_tokens=_REPLY)
_ALLOWED = {torch.float32: 1e-4, torch.float16: 0.1, torch.bfloat16: 0.1}
"""Nats a token that rounding may explain, on average; a lost window or cap costs whole nats."""


def check_exact(model: Any, pad: int, where: str, longest: int) -> None:
    """Test that decoder and scorer agree with the model's own forward pass.

    Args:
        model: a causal language model in evaluation mode.
        pad: the padding token.
        where: names the agent in errors.
        longest: tokens that a prompt and its reply will have at most; windows beyond it play no role.

    Raises:
        CollmError: if they do not, or if the model cannot be run at all.
    """
    name = f"{model.config.model_type} ({type(model).__name__})"
    try:
        worst = max(mismatch(model, pad, longest).items(), key=lambda pair: pair[1])
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise _refusal(where, f"models of the family {name} cannot be run here: {reason[:200]}.") from error
    part, nats = worst
    if not nats <= _ALLOWED[model.dtype]:
        problem = f"for the family {name} the {part} is off by {nats:.2g} nats a token from its forward pass."
        raise _refusal(where, problem)


@torch.no_grad()
def mismatch(model: Any, pad: int, longest: int) -> dict[str, float]:
    """Mean difference in nats a token from plain forward passes: of the sampler, and of the scorer."""
    samples, drawn = _played(model, pad, longest)
    plain = [forced_logprobs(model, *sample) for sample in samples]
    scored = dict(_scored(model, samples, pad))
    return {
        "sampler": _mean_difference(drawn, plain),
        "scorer": _mean_difference([scored[number] for number in range(len(samples))], plain),
    }


def _played(model: Any, pad: int, longest: int) -> tuple[list[tuple[Ids, Ids]], list[Tensor]]:
    """Prompts and replies of two turns with their sampled log-probabilities.

    Two samples share a prompt that is longer than any window, one has a short prompt; the second turn
    follows from the cache.
    """
    decoder = Decoder(model, frozenset(), pad)
    long = fixed_tokens(model, _prompt_length(text_config(model), longest))
    samples: list[tuple[Ids, Ids]] = []
    drawn: list[Tensor] = []
    drafts = [Draft(context, None, seed) for seed, context in enumerate((long, long, long[:3]))]
    for _ in range(2):
        sampled = decoder.sample(drafts, _SAMPLING)
        for draft, one in zip(drafts, sampled, strict=True):
            samples.append((draft.context, one.token_ids))
            drawn.append(torch.tensor(one.token_logprobs))
        drafts = [
            Draft(draft.context + one.token_ids + long[:2], one.cache, draft.seed + 10)
            for draft, one in zip(drafts, sampled, strict=True)
        ]
    return samples, drawn


def _prompt_length(config: Any, longest: int) -> int:
    """Tokens after which replies lie beyond the family's windows, or at the end of what will be read."""
    room = min(longest, getattr(config, "max_position_embeddings", None) or longest)
    return max(5, min(_horizon(config) + 1, room - 2 * _REPLY - 2))


def _horizon(config: Any) -> int:
    """The largest number of tokens at which the family changes how it reads; 0 if none."""
    limits = ["sliding_window", "attention_chunk_size"]
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("longrope", "dynamic"):
        limits += ["original_max_position_embeddings"]
    return max(getattr(config, name, None) or rope.get(name) or 0 for name in limits)


def fixed_tokens(model: Any, count: int) -> Ids:
    """A fixed text of varied tokens."""
    known = model.get_input_embeddings().num_embeddings
    return tuple((3 + 7919 * place) % known for place in range(count))


def forced_logprobs(model: Any, prompt: Ids, reply: Ids) -> Tensor:
    """Log-probabilities ``"token"`` by the model's own forward pass over nothing but one sample."""
    ids = torch.tensor([[*prompt, *reply]], device=model.device)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(reply) + 1).logits[0, :-1]
    return token_logprobs(logits, ids[0, len(prompt) :], 1.0, None, 1.0)


def _scored(model: Any, samples: Sequence[tuple[Ids, Ids]], pad: int) -> Iterator[tuple[int, Tensor]]:
    """Log-probabilities by sample, from rows that share whatever the family lets them share."""
    most = sum(len(prompt) + len(reply) for prompt, reply in samples) if family(model).branching else 0
    rows: list[Row] = pack(samples, Cost(1.0, 0.0), most)
    for batch in score(model, samples, _SAMPLING, pad, most, [rows]):
        yield from zip(batch.numbers, batch.logprobs.split(batch.owners.bincount().tolist()), strict=True)


def _mean_difference(actual: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    pairs = zip(actual, expected, strict=True)
    return float(torch.cat([(one.cpu() - other.cpu()).abs() for one, other in pairs]).mean())


def _refusal(where: str, problem: str) -> CollmError:
    return CollmError(f"{where}.model", problem, "choose a family that docs/own-model.md lists as exact.")
