"""The engine in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from collm.engines.kind import EngineKind, EngineNeeds

if TYPE_CHECKING:
    from collm.engines.base import Engine


class InProcessKind(EngineKind):
    """Our decoder, on the weights that are trained."""

    type: Literal["in_process"] = "in_process"

    def open(self, needs: EngineNeeds) -> Engine:
        from collm.engines.in_process import InProcess  # torch takes seconds

        return InProcess(needs.weights, needs.end_ids, needs.pad_id, needs.batch_rows)
