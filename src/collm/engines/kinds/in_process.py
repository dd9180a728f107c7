"""The engine in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from collm.engines.kind import EngineKind, EngineNeeds

if TYPE_CHECKING:
    from collm.engines.base import Engine


class InProcessKind(EngineKind):
    """Our decoder, on the weights that are trained.

    Attributes:
        prefill_tokens: tokens of prompts that are read at once, padding included; ``None`` for all of
            ``batch_rows`` replies' prompts. Bounds memory, not results.
    """

    type: Literal["in_process"] = "in_process"
    prefill_tokens: int | None = Field(default=None, ge=1, le=10**9)

    def open(self, needs: EngineNeeds) -> Engine:
        from collm.engines.in_process import InProcess  # torch takes seconds

        return InProcess(needs.weights, needs.end_ids, needs.pad_id, needs.batch_rows, self.prefill_tokens)
