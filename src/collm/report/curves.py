"""Learning curves with matplotlib, of one run or of many with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from collm.base.values import finite
from collm.errors import CollmError
from collm.runs.files import read_json_lines

_RESAMPLES = 2000
_GRID = 100


def draw_run(folder: Path, names: Sequence[str]) -> Path:
    """Draw a run's return and metrics over environment steps, test evaluations on top.

    Args:
        folder: a run folder.
        names: the environment's metrics to show beside the return.

    Returns:
        The picture's path, ``curve.png`` in the folder.

    Raises:
        CollmError: if the folder has no metrics, or its logs are broken.
    """
    rows, evaluations = (
        read_json_lines(folder / "metrics.jsonl"),
        read_json_lines(folder / "evaluations.jsonl"),
    )
    curves = {name: _points(rows, name) for name in ("return_mean", *names)}
    if not curves["return_mean"]:
        raise CollmError(
            str(folder), "no metrics here yet.", "name the folder of a run that has made an update."
        )
    curves = {name: points for name, points in curves.items() if points}
    figure = Figure(figsize=(4.6 * len(curves), 3.6), layout="constrained")
    steps = {0: 0.0} | {row.get("update"): x for row in rows for x, _ in _points([row], "env_steps")}
    for axes, (name, points) in zip(
        np.atleast_1d(figure.subplots(1, len(curves))), curves.items(), strict=True
    ):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color="tab:blue", alpha=0.25, linewidth=1)
        axes.plot(x, _smoothed(y), color="tab:blue", label="training, sampled")
        for prefix, color, label in (
            ("", "tab:orange", "test, sampled"),
            ("greedy_", "tab:green", "test, greedy"),
        ):
            tested = _points(
                [{**row, "env_steps": steps.get(row.get("update"))} for row in evaluations], prefix + name
            )
            if tested:
                axes.plot(*zip(*tested, strict=True), color=color, marker="o", label=label)
        axes.set_xlabel("environment steps (joint actions)")
        axes.set_title(name.removesuffix("_mean"))
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path = folder / "curve.png"
    figure.savefig(path, dpi=130)
    return path


def draw_comparison(groups: Mapping[str, Sequence[Path]], path: Path, name: str = "return_mean") -> None:
    """Draw groups of runs (one for each algorithm, say): mean over seeds and 95 % bootstrap interval.

    Args:
        groups: run folders by label.
        path: the picture to write.
        name: a key of ``metrics.jsonl``.

    Raises:
        CollmError: if a run lacks the key, or its log is broken.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    known = sorted(figure.canvas.get_supported_filetypes())
    if path.suffix.removeprefix(".").lower() not in known:
        raise CollmError(f"--out {path}", "no format for pictures.", f"end it in one of {', '.join(known)}.")
    axes = figure.subplots()
    for label, folders in groups.items():
        curves = [_curve(folder, name) for folder in folders]
        start, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
        grid = np.linspace(start, end, _GRID)
        values = np.stack([np.interp(grid, x, _smoothed(y)) for x, y in curves])
        low, high = bootstrap_interval(values)
        (line,) = axes.plot(grid, values.mean(axis=0), label=_counted(label, len(curves)))
        axes.fill_between(grid, low, high, color=line.get_color(), alpha=0.2)
    axes.set_xlabel("environment steps (joint actions)")
    axes.set_ylabel(name.removesuffix("_mean"))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=130)


def _counted(label: str, runs: int) -> str:
    return label if runs == 1 else f"{label} ({runs} seeds)"


def bootstrap_interval(values: Any, seed: int = 0) -> tuple[Any, Any]:
    """95 % interval of the mean over the first axis, by resampling it.

    Args:
        values: ``"run point"``.

    Returns:
        Lower and upper bounds, ``"point"`` each.
    """
    stream = np.random.default_rng(seed)
    picks = stream.integers(len(values), size=(_RESAMPLES, len(values)))
    means = values[picks].mean(axis=1)
    return np.quantile(means, 0.025, axis=0), np.quantile(means, 0.975, axis=0)


def _curve(folder: Path, name: str) -> tuple[list[float], list[float]]:
    points = _points(read_json_lines(folder / "metrics.jsonl"), name)
    if not points:
        problem = f"has no {name} that is a number."
        raise CollmError(f"{folder}/metrics.jsonl", problem, "name run folders and a key they log.")
    return [x for x, _ in points], [y for _, y in points]


def _points(rows: Iterable[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Environment steps and a key of the rows that have both as numbers; not every update has every key."""
    pairs = [(_number(row.get("env_steps")), _number(row.get(name))) for row in rows]
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _number(value: Any) -> float | None:
    return None if isinstance(value, bool) else finite(value)


def _smoothed(values: Sequence[float], share: float = 0.05) -> Any:
    """A centered moving average over a small share of the points."""
    width = max(1, round(len(values) * share)) | 1
    padded = np.pad(np.asarray(values, dtype=float), width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
