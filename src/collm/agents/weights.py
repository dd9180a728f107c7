"""Which weights a role gets: its own, or an adapter on weights that it shares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from collm.models.backbone import Backbones, FullWeights, Handle
from collm.models.checkpointing import check_checkpointing
from collm.models.config import ModelConfig
from collm.models.offloading import check_offloading


def open_weights(
    bases: Backbones,
    config: ModelConfig,
    where: str,
    saved: Path | None,
    seed: int,
    opened: Callable[[ModelConfig, str], Any],
) -> Handle:
    """The weights of an agent or a critic.

    Args:
        bases: loads the weights that several roles share.
        config: says whether there is an adapter.
        where: names the role in errors.
        saved: a folder to take them from instead of ``config.model``, when resuming.
        seed: draws an adapter's first matrix.
        opened: opens weights of its own.

    Raises:
        CollmError: if they cannot be opened.
        AbsentError: if an adapter is asked for and peft is not installed.
    """
    weights: Handle
    if config.adapter is None:
        weights = FullWeights(saved_source(config, saved), where, opened, bases.peers)
    else:
        weights = bases.adapter(config, where, config.adapter, seed)
        if saved is not None:
            weights.load(saved)
    if config.gradient_checkpointing:
        with weights.model() as model:
            check_checkpointing(model, where)
    if config.activation_offload:
        with weights.model() as model:
            check_offloading(model, where)
    return weights


def saved_source(config: ModelConfig, saved: Path | None) -> ModelConfig:
    """Where model and tokenizer are read from: a role's own folder once there is one."""
    if saved is None:
        return config
    return config.model_copy(update={"model": str(saved), "tokenizer": None})
