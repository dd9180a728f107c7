"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.claim.cells import ARMS, CLAIM, METHODS, OTHERS, Arm
from benchmarks.claim.numbers import curve, of
from benchmarks.claim.running import Row

_COLORS = {name: f"C{number}" for number, name in enumerate(METHODS)}


def draw_curves(rows: Sequence[Row], picture: Path) -> None:
    """A panel for each arm, a line for each method; those of critics that learn little are dashed."""
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    panels = figure.subplots(2, 3, sharey=True)
    played = [name for name in (*CLAIM, *OTHERS) if any(row["arm"] == name for row in rows)]
    for axes, name in zip(panels.flat, played, strict=False):
        _curves(axes, rows, ARMS[name])
    for axes in panels.flat[len(played) :]:
        axes.set_axis_off()
    panels.flat[-1].legend(*_all_labels(panels.flat), loc="center", fontsize="large", frameon=False)
    for axes in panels[:, 0]:
        axes.set_ylabel("return, share of the best")
    figure.savefig(picture, dpi=100)


def _curves(axes: Any, rows: Sequence[Row], arm: Arm) -> None:
    for name, method in METHODS.items():
        own = of(rows, arm.name, name)
        if own:
            samples, means = curve(own.values())
            style = "--" if name.startswith("cc_") else "-"
            axes.plot(samples, [one.mean for one in means], style, color=_COLORS[name], label=method.title)
            low, high = [one.low for one in means], [one.high for one in means]
            axes.fill_between(samples, low, high, color=_COLORS[name], alpha=0.12)
    axes.set(title=f"{arm.name}: {arm.title}", xlabel="joint samples", ylim=(0.2, 1.02))
    axes.grid(alpha=0.3)


def _all_labels(panels: Any) -> tuple[list[Any], list[str]]:
    """Each line once, whichever panel has it."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def draw_gradients(rows: Sequence[Row], picture: Path) -> None:
    """Bars of noise for each estimator, by arm."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    titles = list(dict.fromkeys(row["title"] for row in rows))
    for number, arm in enumerate(CLAIM):
        noise = {row["title"]: row["noise"] for row in rows if row["arm"] == arm and row["noise"] > 0}
        places = np.arange(len(titles)) + 0.27 * (number - 1)
        axes.bar(places, [noise.get(title, np.nan) for title in titles], width=0.25, label=arm)
    axes.set(yscale="log", ylabel="variance / squared gradient", xticks=np.arange(len(titles)))
    axes.set_xticklabels([title.replace(", ", "\n") for title in titles], fontsize="small")
    axes.legend()
    axes.grid(alpha=0.3, axis="y")
    figure.savefig(picture, dpi=100)
