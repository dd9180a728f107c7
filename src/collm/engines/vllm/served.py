"""A ``vllm serve`` elsewhere: requests over HTTP, weights by files that both sides read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from safetensors.torch import save_file

from collm.engines.http.asking import Asked
from collm.engines.http.drawing import completed, name_of
from collm.engines.http.endpoint import Endpoint
from collm.engines.kind import EngineNeeds
from collm.engines.kinds.vllm import VllmKind
from collm.engines.vllm.backend import Adapter, Drawn, Job, Named

_TOGETHER = 256
"""Requests under way; vLLM makes its own batches of them."""


class Served:
    """A vLLM behind a URL.

    Args:
        speaking: where completions are asked for.
        base: what the server calls the model without adapters.
        file: where full weights are left for it.
    """

    def __init__(self, speaking: Endpoint, base: str, file: Path) -> None:
        self._speaking, self._base, self._file = speaking, base, file
        self._steering = Endpoint(
            speaking.where, speaking.url.rstrip("/").removesuffix("/v1"), speaking.seconds, speaking.attempts
        )

    def draw(self, jobs: Sequence[Job]) -> list[Drawn]:
        return Asked([partial(self._drawn, job) for job in jobs], _TOGETHER).result()

    def take_weights(self, weights: Named) -> None:
        save_file({name: tensor.contiguous().clone() for name, tensor in weights}, self._file)
        body = {"method": "take_weights_from", "args": [str(self._file)]}
        self._steering.tell("/collective_rpc", body)

    def take_adapter(self, adapter: Adapter, before: Adapter | None) -> None:
        path = str(adapter.folder)
        self._speaking.tell("/load_lora_adapter", {"lora_name": adapter.name, "lora_path": path})
        if before is not None:
            self._speaking.tell("/unload_lora_adapter", {"lora_name": before.name})

    def forget(self) -> None:
        self._steering.tell("/reset_prefix_cache")

    def sleep(self, level: int) -> None:
        """Servers of their own stay awake."""

    def wake(self) -> None:
        """They are."""

    def _drawn(self, job: Job) -> Drawn:
        model = self._base if job.adapter is None else job.adapter.name
        return Drawn(*completed(self._speaking, model, job.token_ids, job.seed, job.sampling, job.end_ids))


def open_served(kind: VllmKind, needs: EngineNeeds) -> Served:
    """The server that an engine's settings name.

    Raises:
        CollmError: if it cannot be reached.
    """
    assert kind.url is not None
    assert kind.sync_folder is not None
    folder = Path(kind.sync_folder).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    speaking = Endpoint(f"agents.{needs.agent}.engine", kind.url, kind.seconds)
    base = kind.model_name or name_of(speaking, needs.agent)
    return Served(speaking, base, folder / f"{needs.agent}.safetensors")
