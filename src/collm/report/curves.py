"""Learning curves with matplotlib, of one run or of many with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from collm.base.values import finite
from collm.errors import CollmError
from collm.evaluation.bootstrap import bootstrap_interval
from collm.runs.run import Run

Source = Literal["train", "test", "greedy"]
Axis = Literal["env_steps", "seconds"]
Points = list[tuple[float, float]]
"""Environment steps or seconds, and the value of a key there."""

Curve = tuple[Sequence[float], Sequence[float]]
"""The same as two sequences."""

SOURCES: Mapping[Source, str] = {
    "train": "training, sampled",
    "test": "test, sampled",
    "greedy": "test, greedy",
}
"""The episodes that a curve can tell of: those learned from, and two kinds of evaluations."""

AXES: Mapping[Axis, str] = {
    "env_steps": "environment steps (joint actions)",
    "seconds": "seconds of updates",
}
"""What a curve is drawn over."""

_LOOKS: Mapping[Source, Mapping[str, Any]] = {
    "train": {"color": "tab:blue", "linestyle": "-"},
    "test": {"color": "tab:orange", "linestyle": "--", "marker": "o"},
    "greedy": {"color": "tab:green", "linestyle": ":", "marker": "s"},
}
_STYLES = ("-", "--", ":", "-.", (0, (7, 2)), (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1)))
_GRID = 100
_SHARE = 0.05
"""Of the points of a training curve; one shown value is the mean of so many."""


def draw_run(folder: Path, names: Sequence[str]) -> Path:
    """Draw a run's return and metrics over environment steps, test evaluations on top.

    Args:
        folder: a run folder.
        names: the environment's metrics to show beside the return.

    Returns:
        The picture's path, ``curve.png`` in the folder.

    Raises:
        CollmError: if there is no run, it has no metrics, or its logs are broken.
    """
    run = Run(folder)
    if not points_of(run, "return_mean", "train"):
        mend = "name the folder of a run that has made an update."
        raise CollmError(str(folder), "no metrics here yet.", mend)
    shown = [name for name in ("return_mean", *names) if points_of(run, name, "train")]
    figure = Figure(figsize=(4.6 * len(shown), 3.6), layout="constrained")
    axes: Any = None
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        _draw_key(axes, run, name)
    axes.legend(fontsize="small")
    figure.savefig(run.layout.curve, dpi=130)
    return run.layout.curve


def _draw_key(axes: Any, run: Run, name: str) -> None:
    """One panel: the noisy training curve and its moving average, and the evaluations."""
    for source, label in SOURCES.items():
        points = points_of(run, name, source)
        if not points:
            continue
        x, y = zip(*points, strict=True)
        if source == "train":
            axes.plot(x, y, color=_LOOKS[source]["color"], alpha=0.25, linewidth=1)
            width = _width(len(y))
            y, label = _smoothed(y), label if width == 1 else f"{label},\nmean over {width} updates"
        axes.plot(x, y, label=label, **_LOOKS[source])
    axes.set_xlabel(AXES["env_steps"])
    axes.set_title(name.removesuffix("_mean"))
    axes.grid(alpha=0.3)


def draw_comparison(
    groups: Mapping[str, Sequence[Path]], path: Path, name: str = "return_mean", source: Source = "train"
) -> None:
    """Draw groups of runs (one for each algorithm, say): mean over seeds and 95 % bootstrap interval.

    Args:
        groups: run folders by label.
        path: the picture to write.
        name: a key of ``metrics.jsonl``, or of ``evaluations.jsonl`` for the test tasks.
        source: which episodes. Training curves are moving averages, evaluations are as they are.

    Raises:
        CollmError: if there is no such run, it lacks the key, or its log is broken.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    known = sorted(figure.canvas.get_supported_filetypes())
    if path.suffix.removeprefix(".").lower() not in known:
        raise CollmError(f"--out {path}", "no format for pictures.", f"end it in one of {', '.join(known)}.")
    axes = figure.subplots()
    draw_groups(axes, groups, name, source)
    axes.set_title(caption(source), fontsize="small")
    axes.set_ylabel(name.removesuffix("_mean"))
    axes.legend(handlelength=3)
    figure.savefig(path, dpi=130)


def draw_groups(
    axes: Any,
    groups: Mapping[str, Sequence[Path]],
    name: str = "return_mean",
    source: Source = "train",
    axis: Axis = "env_steps",
) -> None:
    """One panel: for each group the mean over its runs, and the interval where there are several.

    Runs that share no stretch of the axis are drawn one by one, without a mean.

    Raises:
        CollmError: if a run lacks the key, or its log is broken.
    """
    for style, (label, folders) in zip(cycle(_STYLES), groups.items(), strict=False):
        curves = [_curve(folder, name, source, axis) for folder in folders]
        start, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
        if start <= end:
            _draw_mean(axes, curves, np.linspace(start, end, _GRID), label, style)
        else:
            _draw_apart(axes, curves, label, style)
    axes.set_xlabel(AXES[axis])
    axes.grid(alpha=0.3)


def caption(source: Source) -> str:
    """Which episodes a comparison tells of, and what its bands are."""
    smoothed = f"; moving average over {100 * _SHARE:.0f} % of the updates" if source == "train" else ""
    return f"{SOURCES[source]}{smoothed}; 95 % bootstrap interval over seeds"


def _draw_mean(axes: Any, curves: Sequence[Curve], grid: Any, label: str, style: Any) -> None:
    """The mean of the curves and its interval, at the points of a grid that all of them reach."""
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    low, high = bootstrap_interval(values)
    shown = label if len(curves) == 1 else f"{label} ({len(curves)} seeds)"
    (line,) = axes.plot(grid, values.mean(axis=0), label=shown, linestyle=style, marker=_mark(grid))
    axes.fill_between(grid, low, high, color=line.get_color(), alpha=0.2)


def _draw_apart(axes: Any, curves: Sequence[Curve], label: str, style: Any) -> None:
    """Each curve by itself, all in one color, under one label."""
    color, shown = None, f"{label} ({len(curves)} seeds, one by one)"
    for x, y in curves:
        (line,) = axes.plot(x, y, label=shown, linestyle=style, marker=_mark(x), color=color)
        color, shown = line.get_color(), "_nolegend_"


def _mark(x: Sequence[float]) -> str | None:
    """A line of one point cannot be seen."""
    return "o" if x[0] == x[-1] else None


def _curve(folder: Path, name: str, source: Source, axis: Axis) -> Curve:
    run = Run(folder)
    points = points_of(run, name, source, axis)
    if not points:
        file = run.layout.metrics if source == "train" else run.layout.evaluations
        raise CollmError(
            str(file), f"has no {name} that is a number.", "name run folders and a key they log."
        )
    x, y = zip(*points, strict=True)
    return x, _smoothed(y) if source == "train" else y


def points_of(run: Run, name: str, source: Source, axis: Axis = "env_steps") -> Points:
    """The points of a key, where rows have it and their steps as numbers; not every update has every key."""
    if source == "train":
        return list(_points((row.get(axis), row.get(name)) for row in run.metrics))
    steps = {0: 0} | {row.get("update"): row.get(axis) for row in run.metrics}
    key = f"greedy_{name}" if source == "greedy" else name
    return list(_points((steps.get(row.get("update")), row.get(key)) for row in run.evaluations))


def _points(pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple[float, float]]:
    for pair in pairs:
        x, y = (None if isinstance(value, bool) else finite(value) for value in pair)
        if x is not None and y is not None:
            yield x, y


def _width(points: int) -> int:
    """How many points a moving average takes in: a small share, an odd number."""
    return max(1, round(points * _SHARE)) | 1


def _smoothed(values: Sequence[float]) -> Any:
    """A centered moving average."""
    width = _width(len(values))
    padded = np.pad(np.asarray(values, dtype=float), width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
