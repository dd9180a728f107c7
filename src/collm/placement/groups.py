"""Which members of a team share a worker: those whose adapters lie on the same base weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from collm.models.config import ModelConfig
from collm.models.loading import model_source

ConfigT = TypeVar("ConfigT", bound=ModelConfig)


def together(configs: Mapping[str, ConfigT]) -> list[dict[str, ConfigT]]:
    """The members by worker, in their order; one with weights of its own is alone."""
    groups: dict[tuple[str, ...], dict[str, ConfigT]] = {}
    for name, config in configs.items():
        base = ("shared", model_source(config.model), config.dtype, config.device)
        key = ("own", name) if config.adapter is None else base
        groups.setdefault(key, {})[name] = config
    return list(groups.values())
