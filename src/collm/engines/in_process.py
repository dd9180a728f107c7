"""The engine in this process: our decoder, with the keys and values of what may be extended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collm.engines.base import Completion, Deferred, Prompt
from collm.engines.cache import RowCache
from collm.engines.decoding import Decoder, Draft, Sampled, Watch
from collm.models.backbone import Handle
from collm.models.config import Sampling
from collm.types import Ids


class InProcess:
    """Draws from a model that another part of this process may train.

    Args:
        weights: of a causal language model.
        end_ids: tokens that end a completion.
        pad_id: fills unused positions.
        batch_rows: completions decoded together; bounds memory, not results.
        prefill_tokens: of prompts read at once, ``None`` for all; bounds memory, not results.
    """

    def __init__(
        self,
        weights: Handle,
        end_ids: frozenset[int],
        pad_id: int,
        batch_rows: int,
        prefill_tokens: int | None = None,
    ) -> None:
        self._weights, self._end_ids, self._pad_id = weights, end_ids, pad_id
        self._batch_rows, self._prefill_tokens = batch_rows, prefill_tokens
        self._kept: dict[Ids, RowCache] = {}
        self._version = 0

    def submit(
        self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> Deferred[list[tuple[Completion, ...]]]:
        return Deferred(lambda: self._complete(prompts, sampling, keep))

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling, watch: Watch) -> list[Completion]:
        """One completion for each prompt and its first seed, with every token told as it is drawn.

        Nothing is kept. ``batch_rows`` is the caller's to heed, who batches as requests come.
        """
        drafts = [Draft(prompt.token_ids, None, prompt.seeds[0]) for prompt in prompts]
        with self._weights.model() as model:
            decoder = self._decoder(model)
            return [
                self._completion(sampled) for sampled in decoder.sample(drafts, sampling, watch, keep=False)
            ]

    def release(self) -> None:
        self._kept.clear()

    def kept(self, prefixes: Sequence[Ids]) -> dict[Ids, RowCache]:
        """The kept keys and values of some tokens, as far as there are any."""
        return {prefix: self._kept[prefix] for prefix in prefixes if prefix in self._kept}

    def keep(self, rows: Mapping[Ids, RowCache]) -> None:
        """Take over what an engine with the same weights had kept, to the last bit."""
        self._kept.update(rows)

    def refresh(self, version: int) -> None:
        self._version = version
        self.release()

    def _complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> list[tuple[Completion, ...]]:
        drafts = [Draft(p.token_ids, self._cached(p), seed) for p in prompts for seed in p.seeds]
        for prompt in prompts:
            self._kept.pop(prompt.token_ids[: prompt.known], None)
        completions = iter(self._drawn(drafts, sampling, keep))
        return [tuple(next(completions) for _ in prompt.seeds) for prompt in prompts]

    def _drawn(self, drafts: Sequence[Draft], sampling: Sampling, keep: bool) -> list[Completion]:
        drawn: list[Completion] = []
        with self._weights.model() as model:
            decoder = self._decoder(model)
            for start in range(0, len(drafts), self._batch_rows):
                batch = drafts[start : start + self._batch_rows]
                for draft, sampled in zip(batch, decoder.sample(batch, sampling, keep=keep), strict=True):
                    if keep:
                        self._kept[draft.context + sampled.token_ids] = sampled.cache
                    drawn.append(self._completion(sampled))
        return drawn

    def _decoder(self, model: Any) -> Decoder:
        return Decoder(model, self._end_ids, self._pad_id, self._prefill_tokens)

    def _cached(self, prompt: Prompt) -> RowCache | None:
        return self._kept.get(prompt.token_ids[: prompt.known]) if prompt.known else None

    def _completion(self, sampled: Sampled) -> Completion:
        return Completion(sampled.token_ids, sampled.token_logprobs, sampled.finish_reason, self._version)
