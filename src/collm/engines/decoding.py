"""Batched sampling with one random stream for each sample and no token encoded twice.

Histories that are equal are encoded once and branch in the cache; what earlier turns encoded is kept;
rows that have finished leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from collm.engines.batch import Batch, Pace, Watch, pace_of
from collm.engines.cache import BatchCache, RowCache, left_padded
from collm.engines.drawing import Draft, Sampled, choose
from collm.engines.recurrent import sample_recurrent
from collm.models.config import Sampling
from collm.models.families import family, head_logits, text_config, trunk
from collm.models.masks import attention_masks

__all__ = ["Decoder", "Draft", "Sampled", "Watch"]


class Decoder:
    """Draws samples from one causal language model.

    Args:
        model: a Hugging Face causal language model.
        end_ids: tokens that end an action.
        pad_id: fills unused positions; never attended to.
        prefill_tokens: of contexts that pass through the model at once, padding included; ``None`` for all.
        pace: how often rows are looked at, and in what shapes attention reads; by default as suits the
            model's device.
    """

    def __init__(
        self,
        model: Any,
        end_ids: frozenset[int],
        pad_id: int,
        prefill_tokens: int | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._model, self._pad_id, self._family = model, pad_id, family(model)
        self._prefill_tokens, self._pace = prefill_tokens, pace or pace_of(model.device)
        self._end_ids = torch.tensor(sorted(end_ids), dtype=torch.long, device=model.device)
        self._static = self._pace.static and self._family.branching

    @torch.inference_mode()
    def sample(
        self, drafts: Sequence[Draft], sampling: Sampling, watch: Watch | None = None, keep: bool = True
    ) -> list[Sampled]:
        """Draw one sample for each draft, in order; families that are not keyed are not watched.

        Without ``keep`` the samples' caches are empty.
        """
        if not self._family.keyed:
            return sample_recurrent(self._model, drafts, sampling, self._end_ids)
        batch, going = self._encode(drafts, sampling, keep), True
        while going:
            self._draw(batch, sampling, watch)
            if batch.full or batch.step % self._pace.look_every == 0:
                going = batch.look()
            if going:
                self._advance(batch)
        return batch.results()

    def _encode(self, drafts: Sequence[Draft], sampling: Sampling, keep: bool) -> Batch:
        """Run the model over every different context once, then branch."""
        unique = list(dict.fromkeys(draft.context for draft in drafts))
        cached = {draft.context: draft.cached for draft in drafts}
        width = max(len(context) for context in unique)
        starts = [width - len(context) for context in unique]
        rows = [cached[context] for context in unique]
        new = max(len(context) - _known(row, context) for context, row in zip(unique, rows, strict=True))
        cache = BatchCache(text_config(self._model).num_hidden_layers, width)
        cache.restore(rows, starts)
        device = self._model.device
        tokens = left_padded(unique, self._pad_id, device)[:, width - new :]
        hidden = self._read_all(tokens, cache, torch.tensor(starts, device=device), width - new, any(starts))
        logits = head_logits(self._model, hidden[:, -1])
        position = {context: index for index, context in enumerate(unique)}
        branches = torch.tensor([position[draft.context] for draft in drafts], device=device)
        return Batch(drafts, cache, branches, logits[branches], width, sampling.max_tokens, keep)

    def _read_all(
        self, tokens: Tensor, cache: BatchCache, starts: Tensor, column: int, padded: bool
    ) -> Tensor:
        """Hidden states of the last columns, after all have passed through the model, in chunks."""
        limit = self._prefill_tokens
        size = tokens.shape[1] if limit is None else max(1, limit // len(tokens))
        hidden = tokens.new_empty(0)
        for chunk in tokens.split(size, dim=1):
            hidden = self.read(chunk, cache, starts, column, padded)
            column += chunk.shape[1]
        return hidden

    def _draw(self, batch: Batch, sampling: Sampling, watch: Watch | None) -> None:
        """Draw one token for every row, ended or not."""
        tokens, logprobs = choose(batch.logits, batch.uniforms(), sampling)
        done = (tokens.unsqueeze(1) == self._end_ids).any(1)
        if watch is not None:
            done |= batch.unwanted(tokens, watch)
        batch.append(tokens, logprobs, done)

    def _advance(self, batch: Batch) -> None:
        """Run the model over the tokens that were drawn last."""
        column = batch.width + batch.step - 1
        tokens = batch.next_tokens.unsqueeze(1)
        hidden = self.read(tokens, batch.cache, batch.starts, column, batch.padded, self._static)
        batch.logits = head_logits(self._model, hidden[:, -1])

    def read(
        self,
        tokens: Tensor,
        cache: BatchCache,
        starts: Tensor,
        column: int,
        padded: bool,
        static: bool = False,
    ) -> Tensor:
        """Hidden states of some columns; those before a row's start are hidden.

        Args:
            tokens: ``"row column"``.
            cache: of the columns before them; it takes these in.
            starts: ``"row"``, the first column of each.
            column: the first of these.
            padded: whether some row starts later than others.
            static: whether attention reads the whole cache, its unused end hidden.
        """
        end = column + tokens.shape[1]
        columns = torch.arange(column, end, device=tokens.device)
        cache.write_at(columns if static else None, column)
        inputs: dict[str, Any] = {"input_ids": tokens, "past_key_values": cache, "use_cache": True}
        if self._family.positions:
            inputs["position_ids"] = (columns - starts[:, None]).clamp_min(0)
        if static or padded or not self._pace.bare:
            inputs["attention_mask"] = self._mask(columns, starts, cache.capacity if static else end)
        return trunk(self._model)(**inputs).last_hidden_state  # type: ignore[no-any-return]

    def _mask(self, columns: Tensor, starts: Tensor, width: int) -> Tensor | dict[str, Tensor]:
        """What hides the padding: whole masks where the family honours them, else ``"row key"``."""
        keys = torch.arange(width, device=columns.device)
        if not self._family.branching:
            return keys >= starts[:, None]
        causal = (keys <= columns[:, None]) & (keys >= starts[:, None, None])
        visible = causal | (keys == columns[:, None])
        places = (keys - starts[:, None]).clamp_min(0)
        return attention_masks(self._model, visible, places[:, columns], places)


def _known(row: RowCache | None, context: tuple[int, ...]) -> int:
    """Tokens of a context that need not be encoded; the last one always is, for its logits."""
    return 0 if row is None else min(row.length, len(context) - 1)
