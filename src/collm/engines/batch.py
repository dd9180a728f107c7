"""The rows of a batch while they are drawn. What happens at every token never waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collm.engines.cache import NOTHING_CACHED, BatchCache, RowCache
from collm.engines.drawing import Draft, Sampled, noise
from collm.functional.logprobs import float64_device
from collm.types import FinishReason

_SHRINK_BELOW = 0.6

Watch = Callable[[Mapping[int, int]], Collection[int]]
"""Told the token that was just drawn for each draft, by its number; gives the drafts to draw no further."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How decoding suits a device; it bounds time, not results.

    Attributes:
        look_every: tokens between two looks at which rows have ended; each look waits for the device.
        static: attention reads the whole buffer, its unused end hidden, so that no shape changes from token
            to token.
        bare: without padding the model makes its own causal mask, which fast attention needs.
    """

    look_every: int
    static: bool
    bare: bool


STEADY = Pace(look_every=1, static=False, bare=False)
"""Where looking costs nothing and shorter columns save work."""

QUEUED = Pace(look_every=16, static=True, bare=True)
"""Where the host must run ahead of the device."""


def pace_of(device: torch.device) -> Pace:
    """The pace that suits a device."""
    return QUEUED if device.type == "cuda" else STEADY


class Batch:
    """The rows that are being decoded. ``active`` holds the draft number of each row of the cache.

    Args:
        drafts: what to draw.
        cache: of their different contexts.
        branches: ``"draft"``, which of those each draft goes on from.
        logits: ``"draft vocabulary"``, after the contexts.
        width: of the contexts with their padding.
        max_tokens: the longest sample.
        keep: whether samples take their states along.
    """

    def __init__(
        self,
        drafts: Sequence[Draft],
        cache: BatchCache,
        branches: Tensor,
        logits: Tensor,
        width: int,
        max_tokens: int,
        keep: bool,
    ) -> None:
        device, count = logits.device, len(drafts)
        self._drafts, self._max_tokens, self._keep = drafts, max_tokens, keep
        self._noise = noise([draft.seed for draft in drafts], max_tokens).to(float64_device(device))
        self._tokens = torch.zeros(count, max_tokens, dtype=torch.long, device=device)
        self._logprobs = torch.zeros(count, max_tokens, device=device)
        self._lengths = torch.full((count,), max_tokens, device=device)
        self._stopped = torch.zeros(count, dtype=torch.bool, device=device)
        self._alive = torch.ones(count, dtype=torch.bool, device=device)
        self._caches: dict[int, RowCache] = {}
        self.active = torch.arange(count, device=device)
        self.starts = torch.tensor([width - len(draft.context) for draft in drafts], device=device)
        self.padded = any(len(draft.context) < width for draft in drafts)
        self.cache = cache.select(branches, width + max_tokens)
        self.logits, self.width, self.step = logits, width, 0
        self.next_tokens = torch.empty(0, dtype=torch.long, device=device)

    def uniforms(self) -> Tensor:
        return self._noise[self.active.to(self._noise.device), self.step]

    def unwanted(self, tokens: Tensor, watch: Watch) -> Tensor:
        """The rows that somebody who sees each token as it is drawn wants no longer, ``"row"``."""
        rows = zip(self.active.tolist(), tokens.tolist(), self._alive.tolist(), strict=True)
        dropped = watch({number: token for number, token, alive in rows if alive})
        return torch.isin(self.active, torch.tensor(sorted(dropped), device=tokens.device, dtype=torch.long))

    def append(self, tokens: Tensor, logprobs: Tensor, done: Tensor) -> None:
        """Write one token to each row; rows that have ended write on, and nobody reads it."""
        self._tokens[self.active, self.step] = tokens
        self._logprobs[self.active, self.step] = logprobs
        self.step += 1
        ending = self._alive & done
        lengths = self._lengths[self.active]
        self._lengths[self.active] = torch.where(ending, self.step, lengths)
        self._stopped[self.active] = ending | self._stopped[self.active]
        self._alive = self._alive & ~done
        self.next_tokens = tokens

    @property
    def full(self) -> bool:
        """Whether no sample may be longer."""
        return self.step == self._max_tokens

    def look(self) -> bool:
        """Retire rows that have ended; false once nothing is left to draw. Waits for the device."""
        alive = 0 if self.full else int(self._alive.sum())
        if alive == 0:
            self._retire(range(len(self.active)))
            self.active = self.active[:0]
        elif alive < _SHRINK_BELOW * len(self.active):
            self._shrink()
        return alive > 0

    def _retire(self, rows: Sequence[int]) -> None:
        """Take along what some rows of the cache hold of their samples, without their last token."""
        if not self._keep:
            return
        numbers, starts, lengths = self.active.tolist(), self.starts.tolist(), self._lengths.tolist()
        for row in rows:
            length = self.width - starts[row] + lengths[numbers[row]] - 1
            self._caches[numbers[row]] = self.cache.row(row, starts[row], length).compact()

    def _shrink(self) -> None:
        alive = self._alive.tolist()
        self._retire([row for row, going in enumerate(alive) if not going])
        chosen = [row for row, going in enumerate(alive) if going]
        rows = torch.tensor(chosen, device=self.active.device)
        self.cache = self.cache.select(rows, self.width + self._max_tokens)
        self.active, self.starts = self.active[rows], self.starts[rows]
        self.next_tokens, self._alive = self.next_tokens[rows], self._alive[rows]

    def results(self) -> list[Sampled]:
        tokens, logprobs = self._tokens.tolist(), self._logprobs.tolist()
        lengths, stopped = self._lengths.tolist(), self._stopped.tolist()
        sampled = []
        for number, length in enumerate(lengths):
            reason: FinishReason = "stop" if stopped[number] else "length"
            drawn = tuple(tokens[number][:length]), tuple(logprobs[number][:length])
            sampled.append(Sampled(*drawn, reason, self._caches.get(number, NOTHING_CACHED)))
        return sampled
