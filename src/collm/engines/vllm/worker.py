"""What a ``vllm serve`` needs in its workers to take full weights over: a method that reads them from a file.

Start the server with ``--worker-extension-cls collm.engines.vllm.worker.WeightsFromFile`` and
``VLLM_SERVER_DEV_MODE=1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from safetensors import safe_open


class WeightsFromFile:
    """Becomes part of vLLM's worker; a server calls its methods by name in every worker."""

    model_runner: Any

    def take_weights_from(self, file: str) -> None:
        """Replace all weights by those of a safetensors file that this machine can read."""
        self.model_runner.reload_weights(weights_iterator=_weights(file))


def _weights(file: str) -> Iterator[tuple[str, Any]]:
    with safe_open(file, framework="pt") as opened:
        for name in opened.keys():  # noqa: SIM118 (it is no mapping)
            yield name, opened.get_tensor(name)
