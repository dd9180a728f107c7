"""Gradient checkpointing without training mode, so that no dropout wakes up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from collm.errors import CollmError


@contextmanager
def checkpointed(model: Any, enabled: bool) -> Iterator[None]:
    """Forward passes inside keep the inputs of each layer alone; backward passes compute the rest again.

    transformers' own switch does nothing in evaluation mode, and training mode would draw dropout that the
    sampler does not know. The backward pass may come later.
    """
    layers = checkpointed_layers(model) if enabled else []
    for layer in layers:
        # transformers' layers draw nothing at random in evaluation mode
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def checkpointed_layers(model: Any) -> list[Any]:
    """The layers that transformers marks as fit for it."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def check_checkpointing(model: Any, where: str) -> None:
    """Test that the setting does something.

    Raises:
        CollmError: if the family has no layers that can be computed again.
    """
    if not checkpointed_layers(model):
        problem = f"models of the family {model.config.model_type} have no layers to compute again."
        raise CollmError(f"{where}.gradient_checkpointing", problem, "leave it false.")
