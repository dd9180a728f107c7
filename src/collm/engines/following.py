"""How closely an engine that draws with a copy of the weights is watched. Read without torch."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from collm.base.settings import Settings
from collm.errors import CollmError
from collm.functional.kinds import CorrectionKind
from collm.models.config import DType

_BOUNDS = {"float32": 1e-3, "bfloat16": 0.05, "float16": 0.05}
"""Nats a token that rounding explains, on average, with room; weights that lag cost more."""


class Correction(Settings):
    """Truncated importance weights for what is left between the copy's log-probabilities and the trainer's.

    Attributes:
        by: weigh each ``token`` by its own quotient, or by that of the whole action, ``sequence``.
        cap: the largest weight.
    """

    by: CorrectionKind = "token"
    cap: float = Field(default=2.0, ge=1)


@dataclass(frozen=True, slots=True)
class Following:
    """What is done about the difference between a copy of the weights and those that are trained.

    Attributes:
        bound: mean difference in nats a token at which the run stops.
        correction: how the rest is corrected; ``None`` leaves it.
    """

    bound: float
    correction: Correction | None = None

    def check(self, agent: str, nats: float, where: str) -> None:
        """Test that a mean difference is explained by rounding.

        Raises:
            CollmError: if it is not.
        """
        if not nats <= self.bound:
            problem = (
                f"{where}, the log-probabilities of the engine and of the weights that are trained differ by "
                f"{nats:.3g} nats a token, more than {self.bound:g}: it draws with other weights."
            )
            mend = (
                "see that nobody else changes its weights and that dtype and model are the same; "
                "where only rounding differs, raise the bound."
            )
            raise CollmError(f"agents.{agent}.engine.max_mismatch", problem, mend)


def default_bound(dtype: DType) -> float:
    """The bound where none is set."""
    return _BOUNDS[dtype]
