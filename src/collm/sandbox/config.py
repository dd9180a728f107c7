"""How a sandbox is set up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from collm.base.settings import Settings
from collm.sandbox.inside.limits import Limits

Guard = Literal["namespaces", "mounts", "landlock", "seccomp"]


class SandboxConfig(Settings):
    """Where programs run and what they may use; equal configurations share one pool.

    Attributes:
        backend: ``process`` locks processes of this machine in; ``container`` asks Docker or Podman.
        slots: programs that run at a time; the number of usable cores if ``None``.
        limits: bounds on every program.
        without: guards of the kernel to do without, where one gets in the way.
        engine: the container engine's command.
        image: the container image; needs ``python3``, 3.11 or later, and nothing else.
    """

    backend: Literal["process", "container"] = "process"
    slots: int | None = Field(default=None, ge=1)
    limits: Limits = Limits()
    without: frozenset[Guard] = frozenset()
    engine: str = "docker"
    image: str = "python:3.12-slim"

    @field_validator("limits", mode="before")
    @classmethod
    def _no_boolean_for_a_limit(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and any(isinstance(limit, bool) for limit in value.values()):
            raise ValueError("limits must be numbers, not true or false")
        return value

    @property
    def num_slots(self) -> int:
        if self.slots is not None:
            return self.slots
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
