"""Sends metrics to W&B, trackio or TensorBoard; each is an extra that is imported only if asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from collm.base.seeding import derive
from collm.config.tree import RunConfig, TrackingConfig, plain
from collm.errors import CollmError

_MODULES = {"tensorboard": "torch.utils.tensorboard"}


class Tracker(Protocol):
    """Somewhere to send metrics."""

    def log(self, values: Mapping[str, float], update: int) -> None: ...

    def close(self) -> None: ...


class _ModuleTracker:
    """W&B, or trackio, which has the same functions."""

    def __init__(self, module: Any, config: RunConfig, folder: Path) -> None:
        name = config.tracking.name or folder.name
        self._module = module
        options: dict[str, Any] = {"project": config.tracking.project, "name": name, "config": plain(config)}
        if module.__name__ == "wandb":
            options |= {
                "id": f"{derive(config.seed, str(folder.resolve())):x}",
                "resume": "allow",
                "dir": str(folder),
            }
        module.init(**options)

    def log(self, values: Mapping[str, float], update: int) -> None:
        self._module.log(dict(values), step=update)

    def close(self) -> None:
        self._module.finish()


class _TensorBoard:
    def __init__(self, module: Any, folder: Path) -> None:
        self._writer = module.SummaryWriter(str(folder / "tensorboard"))

    def log(self, values: Mapping[str, float], update: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, update)

    def close(self) -> None:
        self._writer.close()


def check_installed(config: TrackingConfig) -> None:
    """Import the trackers' packages.

    Raises:
        CollmError: if one is not installed.
    """
    for backend in config.backends:
        _module(backend)


def open_trackers(config: RunConfig, folder: Path) -> list[Tracker]:
    """The trackers that a recipe asks for.

    Raises:
        CollmError: if one is not installed or does not start.
    """
    return [_opened(backend, config, folder) for backend in config.tracking.backends]


def _opened(backend: str, config: RunConfig, folder: Path) -> Tracker:
    module = _module(backend)
    try:
        if backend == "tensorboard":
            return _TensorBoard(module, folder)
        return _ModuleTracker(module, config, folder)
    except Exception as error:
        mend = f"log in to {backend} or leave it out, then go on with --resume."
        raise CollmError("tracking.backends", f"{backend} does not start: {error}.", mend) from error


def _module(backend: str) -> Any:
    try:
        return importlib.import_module(_MODULES.get(backend, backend))
    except ImportError:
        mend = "run pip install 'collm[tracking]', or leave the backend out."
        raise CollmError("tracking.backends", f"{backend} is not installed.", mend) from None
