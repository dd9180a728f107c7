"""vLLM, in this process or behind a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from collm.engines.following import Correction, Following, default_bound
from collm.engines.kind import EngineKind, EngineNeeds
from collm.models.config import DType, ModelConfig

if TYPE_CHECKING:
    from collm.engines.base import Engine

_HERE = ("gpu_memory_utilization", "dtype", "enforce_eager", "sleep_level")
_THERE = ("model_name", "sync_folder", "seconds")


class VllmKind(EngineKind):
    """vLLM draws with a copy of the weights, which it takes over before it next draws.

    Agents with adapters on one model share one vLLM; one with weights of its own has its own.

    Attributes:
        url: of a ``vllm serve`` such as ``http://host:8000/v1``; ``None`` opens vLLM in this process.
        gpu_memory_utilization: the share of the device's memory that it may take, keys and values included.
        dtype: of the copy; ``None`` for the agent's own.
        enforce_eager: without compilation and graphs: a faster start, slower tokens.
        sleep_level: while the team learns, 1 moves the copy to the host's memory, 2 forgets it; ``None``
            leaves it where it is.
        model_name: what the server calls the base; ``None`` if it serves one model.
        sync_folder: where weights are left for the server, which must read the same path.
        seconds: how long an answer of the server may take.
        max_mismatch: mean nats a token by which the copy may differ before the run stops; ``None`` for
            what rounding explains: 0.001 in float32, 0.05 in half precision.
        correction: truncated importance weights for the difference that is left; ``{}`` for the defaults.
    """

    type: Literal["vllm"] = "vllm"
    url: str | None = Field(default=None, pattern=r"^https?://")
    gpu_memory_utilization: float = Field(default=0.4, gt=0, le=1)
    dtype: DType | None = None
    enforce_eager: bool = False
    sleep_level: Literal[1, 2] | None = None
    model_name: str | None = None
    sync_folder: str | None = None
    seconds: float = Field(default=600.0, gt=0)
    max_mismatch: float | None = Field(default=None, gt=0)
    correction: Correction | None = None

    @model_validator(mode="after")
    def _only_what_applies(self) -> Self:
        there = self.url is not None
        for name in _HERE if there else _THERE:
            if getattr(self, name) != type(self).model_fields[name].default:
                owner = "a vLLM in this process, and url names a server" if there else "a server, and no url"
                raise ValueError(f"{name} is for {owner}{'' if there else ' names one'}")
        if there and self.sync_folder is None:
            raise ValueError("url needs sync_folder, where weights are left for the server")
        return self

    def following(self, model: ModelConfig) -> Following:
        short = model.dtype if self.dtype in (None, "float32") else self.dtype
        assert short is not None
        bound = default_bound(short) if self.max_mismatch is None else self.max_mismatch
        return Following(bound, self.correction)

    def open(self, needs: EngineNeeds) -> Engine:
        from collm.engines.vllm.engine import open_engine  # torch takes seconds

        return open_engine(self, needs)

    def served(self, agent: str, model: ModelConfig) -> tuple[str, ...]:
        """What engines have in common that may share one vLLM."""
        own = agent if model.adapter is None else ""
        return ("vllm", self.model_dump_json(), model.model, str(model.dtype), own)
