"""Batched sampling with one random stream for each sample and no token encoded twice.

Histories that are equal are encoded once and branch in the cache; what earlier turns encoded is kept;
rows that have finished leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from collm.engines.cache import NOTHING_CACHED, BatchCache, RowCache, left_padded
from collm.engines.drawing import Draft, Sampled, choose, noise
from collm.engines.recurrent import sample_recurrent
from collm.functional.logprobs import float64_device
from collm.models.config import Sampling
from collm.models.families import family, head_logits, text_config, trunk
from collm.models.masks import attention_masks
from collm.types import FinishReason

__all__ = ["Decoder", "Draft", "Sampled"]

_SHRINK_BELOW = 0.6

Watch = Callable[[Mapping[int, int]], Collection[int]]
"""Told the token that was just drawn for each draft, by its number; gives the drafts to draw no further."""


class Decoder:
    """Draws samples from one causal language model.

    Args:
        model: a Hugging Face causal language model.
        end_ids: tokens that end an action.
        pad_id: fills unused positions; never attended to.
    """

    def __init__(self, model: Any, end_ids: frozenset[int], pad_id: int) -> None:
        self._model, self._pad_id, self._family = model, pad_id, family(model)
        self._end_ids = torch.tensor(sorted(end_ids), device=model.device)

    @torch.inference_mode()
    def sample(
        self, drafts: Sequence[Draft], sampling: Sampling, watch: Watch | None = None, keep: bool = True
    ) -> list[Sampled]:
        """Draw one sample for each draft, in order; families that are not keyed are not watched.

        Without ``keep`` the samples' caches are empty.
        """
        if not self._family.keyed:
            return sample_recurrent(self._model, drafts, sampling, self._end_ids)
        batch = self._encode(drafts, sampling, keep)
        while batch.active.numel():
            self._advance(batch, sampling, watch)
        return batch.results()

    def _encode(self, drafts: Sequence[Draft], sampling: Sampling, keep: bool) -> _Batch:
        """Run the model over every different context once, then branch."""
        unique = list(dict.fromkeys(draft.context for draft in drafts))
        cached = {draft.context: draft.cached for draft in drafts}
        width = max(len(context) for context in unique)
        starts = [width - len(context) for context in unique]
        rows = [cached[context] for context in unique]
        new = max(len(context) - _known(row, context) for context, row in zip(unique, rows, strict=True))
        cache = BatchCache(text_config(self._model).num_hidden_layers, width)
        cache.restore(rows, starts)
        cache.seek(width - new)
        device = self._model.device
        tokens = left_padded(unique, self._pad_id, device)[:, width - new :]
        logits = self._forward(tokens, cache, torch.tensor(starts, device=device), width - new)
        position = {context: index for index, context in enumerate(unique)}
        branches = torch.tensor([position[draft.context] for draft in drafts], device=device)
        return _Batch(drafts, cache, branches, logits[branches], width, sampling.max_tokens, keep)

    def _advance(self, batch: _Batch, sampling: Sampling, watch: Watch | None) -> None:
        """Draw one token for every active row, and run the model over it where the row goes on."""
        tokens, logprobs = choose(batch.logits, batch.uniforms(), sampling)
        done = torch.isin(tokens, self._end_ids)
        if watch is not None:
            done |= batch.unwanted(tokens, watch)
        if batch.append(tokens, logprobs, done) and batch.active.numel():
            batch.logits = self._forward(
                batch.next_tokens.unsqueeze(1), batch.cache, batch.starts, batch.width + batch.step - 1
            )

    def _forward(self, tokens: Tensor, cache: BatchCache, starts: Tensor, column: int) -> Tensor:
        """Logits after the last column; columns before a row's start are hidden."""
        columns = torch.arange(column, column + tokens.shape[1], device=tokens.device)
        inputs: dict[str, Any] = {"input_ids": tokens, "past_key_values": cache, "use_cache": True}
        if self._family.positions:
            inputs["position_ids"] = (columns - starts[:, None]).clamp_min(0)
        inputs["attention_mask"] = self._mask(columns, starts, int(columns[-1]) + 1)
        hidden = trunk(self._model)(**inputs).last_hidden_state
        return head_logits(self._model, hidden[:, -1])

    def _mask(self, columns: Tensor, starts: Tensor, width: int) -> Tensor | dict[str, Tensor]:
        """What hides the padding: whole masks where the family honours them, else ``"row key"``."""
        keys = torch.arange(width, device=columns.device)
        if not self._family.branching:
            return keys >= starts[:, None]
        causal = (keys <= columns[:, None]) & (keys >= starts[:, None, None])
        visible = causal | (keys == columns[:, None])
        places = (keys - starts[:, None]).clamp_min(0)
        return attention_masks(self._model, visible, places[:, columns], places)


class _Batch:
    """The rows that are being decoded. ``active`` holds the draft number of each row of the cache."""

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
        device = logits.device
        self._drafts, self._max_tokens, self._keep = drafts, max_tokens, keep
        self._noise = noise([draft.seed for draft in drafts], max_tokens).to(float64_device(device))
        self._tokens = torch.zeros(len(drafts), max_tokens, dtype=torch.long, device=device)
        self._logprobs = torch.zeros(len(drafts), max_tokens, device=device)
        self._finished: dict[int, tuple[int, FinishReason, RowCache]] = {}
        self.active = torch.arange(len(drafts), device=device)
        self.starts = torch.tensor([width - len(draft.context) for draft in drafts], device=device)
        self.cache = cache.select(branches, width + max_tokens)
        self.logits, self.width, self.step = logits, width, 0
        self.next_tokens = torch.empty(0, dtype=torch.long, device=device)
        self._alive = torch.ones(len(drafts), dtype=torch.bool, device=device)

    def uniforms(self) -> Tensor:
        return self._noise[self.active.to(self._noise.device), self.step]

    def unwanted(self, tokens: Tensor, watch: Watch) -> Tensor:
        """The rows that somebody who sees each token as it is drawn wants no longer, ``"row"``."""
        rows = zip(self.active.tolist(), tokens.tolist(), self._alive.tolist(), strict=True)
        dropped = watch({number: token for number, token, alive in rows if alive})
        return torch.isin(self.active, torch.tensor(sorted(dropped), device=tokens.device, dtype=torch.long))

    def append(self, tokens: Tensor, logprobs: Tensor, done: Tensor) -> bool:
        """Write one token to each row and retire the finished ones; false once nothing is left to draw."""
        self._tokens[self.active, self.step] = tokens
        self._logprobs[self.active, self.step] = logprobs
        self.step += 1
        full = self.step == self._max_tokens
        ending = self._alive & (done | full)
        if bool(ending.any()):
            self._retire(ending, done)
        self._alive &= ~ending
        self.next_tokens = tokens
        alive = int(self._alive.sum())
        if alive == 0:
            self.active = self.active[:0]
        elif alive < _SHRINK_BELOW * len(self.active):
            self._shrink()
        return alive > 0

    def _retire(self, ending: Tensor, done: Tensor) -> None:
        for row in ending.nonzero().flatten().tolist():
            number, start = int(self.active[row]), int(self.starts[row])
            length = self.width - start + self.step - 1
            reason: FinishReason = "stop" if bool(done[row]) else "length"
            kept = self.cache.row(row, start, length).compact() if self._keep else NOTHING_CACHED
            self._finished[number] = (self.step, reason, kept)

    def _shrink(self) -> None:
        rows = self._alive.nonzero().flatten()
        self.cache = self.cache.select(rows, self.width + self._max_tokens)
        self.active, self.starts = self.active[rows], self.starts[rows]
        self.next_tokens, self._alive = self.next_tokens[rows], self._alive[rows]

    def results(self) -> list[Sampled]:
        tokens, logprobs = self._tokens.tolist(), self._logprobs.tolist()
        sampled = []
        for number in range(len(self._drafts)):
            length, reason, cache = self._finished[number]
            sampled.append(
                Sampled(tuple(tokens[number][:length]), tuple(logprobs[number][:length]), reason, cache)
            )
        return sampled


def _known(row: RowCache | None, context: tuple[int, ...]) -> int:
    """Tokens of a context that need not be encoded; the last one always is, for its logits."""
    return 0 if row is None else min(row.length, len(context) - 1)
