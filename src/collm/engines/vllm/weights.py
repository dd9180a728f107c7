"""What of an agent's weights goes to a vLLM."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from collm.engines.vllm.backend import Adapter
from collm.models.backbone import Handle


def named_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Every weight by every name: a head that is tied to the embedding is a weight of its own to vLLM."""
    for name, parameter in model.named_parameters(remove_duplicate=False):
        yield name, parameter.detach()


def write_adapter(weights: Handle, folder: Path, name: str, number: int) -> Adapter:
    """Write an adapter to a folder of its own, as peft does."""
    adapter = Adapter(name, number, folder / name)
    weights.save(adapter.folder)
    return adapter


def remove(adapter: Adapter) -> None:
    """Delete what :func:`write_adapter` wrote."""
    shutil.rmtree(adapter.folder, ignore_errors=True)
