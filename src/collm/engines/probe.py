"""Whether an engine draws with the weights that are trained: its word on a fixed prompt, against theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from collm.engines.base import Prompt
from collm.engines.exactness import fixed_tokens, forced_logprobs
from collm.engines.kind import EngineNeeds
from collm.models.backbone import Handle
from collm.models.config import Sampling
from collm.types import Ids

_PROMPT, _REPLY = 160, 8
"""Tokens. The prompt fills a block of any engine's cache, so that a prefix of old weights would show."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt whose completion is compared.

    Attributes:
        prompt: always the same.
        sampling: how to complete it; no token ends it.
    """

    prompt: Prompt
    sampling: Sampling
    weights: Handle

    @torch.no_grad()
    def mismatch(self, token_ids: Ids, token_logprobs: Sequence[float]) -> float:
        """Mean difference in nats a token between an engine's completion and the trained weights."""
        with self.weights.model() as model:
            forced = forced_logprobs(model, self.prompt.token_ids, token_ids)
        return float((forced.cpu() - torch.tensor(token_logprobs)).abs().mean())


def probe_of(needs: EngineNeeds) -> Probe:
    """The probe of an agent's engine."""
    length = max(1, min(_PROMPT, needs.longest - _REPLY))
    with needs.weights.model() as model:
        prompt = Prompt(fixed_tokens(model, length), (0,))
    return Probe(prompt, Sampling(max_tokens=min(_REPLY, needs.longest - length)), needs.weights)
