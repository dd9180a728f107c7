"""Sends metrics and completions to W&B, trackio, MLflow or TensorBoard, each imported only if asked for."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from collm.base.installed import load_installed
from collm.base.registry import load_object
from collm.base.seeding import derive
from collm.config.tree import RunConfig, TrackingConfig, plain
from collm.errors import AbsentError, CollmError
from collm.runs.completions import COLUMNS, Completion

_MODULES = {"tensorboard": "torch.utils.tensorboard"}
_COMPLETIONS = "completions"
_UNFIT = re.compile(r"[^\w\-. :/]")
"""What MLflow does not take in names; terms of a reward may be called anything."""


class Tracker(Protocol):
    """Somewhere to send metrics and completions."""

    def log(self, values: Mapping[str, float], update: int) -> None: ...

    def log_completions(self, rows: Sequence[Completion], update: int) -> None:
        """Show what was said in the evaluation after an update."""

    def close(self) -> None: ...


class _WandB:
    def __init__(self, module: Any, config: RunConfig, folder: Path) -> None:
        self._module = module
        module.init(
            **_named(config, folder),
            config=plain(config),
            id=_identity(config, folder),
            resume="allow",
            dir=str(folder),
        )

    def log(self, values: Mapping[str, float], update: int) -> None:
        self._module.log(dict(values), step=update)

    def log_completions(self, rows: Sequence[Completion], update: int) -> None:
        table = self._module.Table(columns=list(COLUMNS), data=[list(row) for row in rows])
        self._module.log({_COMPLETIONS: table}, step=update)

    def close(self) -> None:
        self._module.finish()


class _Trackio:
    """Has the functions of W&B but for tables, which are made of pandas ones."""

    def __init__(self, module: Any, config: RunConfig, folder: Path) -> None:
        self._module = module
        module.init(**_named(config, folder), config=plain(config))

    def log(self, values: Mapping[str, float], update: int) -> None:
        self._module.log(dict(values), step=update)

    def log_completions(self, rows: Sequence[Completion], update: int) -> None:
        frame = importlib.import_module("pandas").DataFrame(list(rows), columns=list(COLUMNS))
        self._module.log({_COMPLETIONS: self._module.Table(dataframe=frame)}, step=update)

    def close(self) -> None:
        self._module.finish()


class _MLflow:
    """A run of the experiment that is called like the project, where ``MLFLOW_TRACKING_URI`` says."""

    def __init__(self, module: Any, config: RunConfig, folder: Path) -> None:
        self._module = module
        named = _named(config, folder)
        module.set_experiment(named["project"])
        identity = _identity(config, folder)
        runs = module.search_runs(filter_string=f"tags.collm = '{identity}'", output_format="list")
        if runs:
            module.start_run(run_id=runs[0].info.run_id)
        else:
            module.start_run(run_name=named["name"], tags={"collm": identity})
            module.log_dict(plain(config), "config.json")

    def log(self, values: Mapping[str, float], update: int) -> None:
        fitting = {_UNFIT.sub("_", name): value for name, value in values.items()}
        self._module.log_metrics(fitting, step=update)

    def log_completions(self, rows: Sequence[Completion], update: int) -> None:
        columns = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
        self._module.log_dict(columns, f"{_COMPLETIONS}-{update:06d}.json")

    def close(self) -> None:
        self._module.end_run()


class _TensorBoard:
    def __init__(self, module: Any, _config: RunConfig, folder: Path) -> None:
        self._writer = module.SummaryWriter(str(folder / "tensorboard"))

    def log(self, values: Mapping[str, float], update: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, update)

    def log_completions(self, rows: Sequence[Completion], update: int) -> None:
        for number, row in enumerate(rows):
            told = "\n\n".join(f"{name}: {value}" for name, value in zip(COLUMNS, row, strict=True))
            self._writer.add_text(f"{_COMPLETIONS}/{number}", told, update)

    def close(self) -> None:
        self._writer.close()


_TRACKERS: Mapping[str, Callable[[Any, RunConfig, Path], Tracker]] = {
    "wandb": _WandB,
    "trackio": _Trackio,
    "mlflow": _MLflow,
    "tensorboard": _TensorBoard,
}


_Maker = Callable[[RunConfig, Path], Tracker]


def check_installed(config: TrackingConfig) -> None:
    """Import the trackers' packages.

    Raises:
        AbsentError: if one is not installed.
        CollmError: if one of another package does not load.
    """
    for backend in config.backends:
        _maker(backend)


def open_trackers(config: RunConfig, folder: Path) -> list[Tracker]:
    """The trackers that a recipe asks for.

    Raises:
        CollmError: if one is not installed or does not start.
    """
    return [_opened(backend, config, folder) for backend in config.tracking.backends]


def _maker(backend: str) -> _Maker:
    """What makes a tracker: ours, another package's, or a class that is named as ``module:Class``."""
    if ":" in backend:
        return cast(_Maker, load_object(backend, "tracking.backends"))
    shipped = backend in _TRACKERS
    other = load_installed(backend, "collm.trackers", "tracking.backends", shipped=shipped)
    return cast(_Maker, other) if other is not None else partial(_TRACKERS[backend], _module(backend))


def _opened(backend: str, config: RunConfig, folder: Path) -> Tracker:
    make = _maker(backend)
    try:
        return make(config, folder)
    except Exception as error:
        mend = f"log in to {backend} or leave it out, then go on with --resume."
        raise CollmError("tracking.backends", f"{backend} does not start: {error}.", mend) from error


def _named(config: RunConfig, folder: Path) -> dict[str, str]:
    return {"project": config.tracking.project, "name": config.tracking.name or folder.name}


def _identity(config: RunConfig, folder: Path) -> str:
    """The same for a run whenever it goes on, and for no other run."""
    return f"{derive(config.seed, str(folder.resolve())):x}"


def _module(backend: str) -> Any:
    try:
        return importlib.import_module(_MODULES.get(backend, backend))
    except ImportError:
        extra = "mlflow" if backend == "mlflow" else "tracking"
        mend = f"run pip install 'collm[{extra}]', or leave the backend out."
        raise AbsentError("tracking.backends", f"{backend} is not installed.", mend) from None
