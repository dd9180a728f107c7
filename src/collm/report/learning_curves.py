"""Figure 2: return over environment steps and over time, a column for each domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from collm.report.curves import AXES, SOURCES, Source, caption, draw_groups, points_of
from collm.report.entries import Entry, Groups
from collm.runs.run import Run

SUFFIXES = ("png", "svg")
_RETURN = "return_mean"
_WIDTH, _CROWDED_WIDTH = 4.4, 6.4
"""Of a panel in inches; the wider one has its legend beside it."""

_FEW = 6
"""So many methods have room for their legend among the curves."""

Panels = Mapping[str, Mapping[str, Sequence[Path]]]
"""By domain and method, the runs that have a curve."""


def draw_figures(groups: Groups, folder: Path) -> Iterator[str]:
    """Draw the figure of training episodes, and those of the test tasks, as PNG and SVG.

    Yields:
        The file's name without its suffix, for each figure that there is something to draw of.
    """
    for source in SOURCES:
        panels = {domain: _runs(methods, source) for domain, methods in groups.items()}
        there = {domain: methods for domain, methods in panels.items() if methods}
        if there:
            name = f"figure2-{source}"
            figure = drawn(there, source)
            for suffix in SUFFIXES:
                figure.savefig(folder / f"{name}.{suffix}", dpi=110)
            yield name


def _runs(methods: Mapping[str, Sequence[Entry]], source: Source) -> Mapping[str, Sequence[Path]]:
    folders = {
        method: [one.run for one in entries if one.run and points_of(Run(one.run), _RETURN, source)]
        for method, entries in methods.items()
    }
    return {method: found for method, found in folders.items() if found}


def drawn(panels: Panels, source: Source) -> Figure:
    """One row of panels for each axis."""
    crowded = any(len(methods) > _FEW for methods in panels.values())
    width = _CROWDED_WIDTH if crowded else _WIDTH
    figure = Figure(figsize=(width * len(panels), 3.3 * len(AXES) + 0.3), layout="constrained")
    grid = np.asarray(figure.subplots(len(AXES), len(panels), squeeze=False))
    for axis, row in zip(AXES, grid, strict=True):
        for (domain, methods), axes in zip(panels.items(), row, strict=True):
            draw_groups(axes, methods, _RETURN, source, axis)
            axes.set_title(domain)
            axes.set_ylabel("return")
            if not crowded:
                axes.legend(handlelength=3, fontsize="small")
            elif axis == next(iter(AXES)):  # the lower panels have the same lines
                axes.legend(handlelength=3, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    figure.suptitle(fill(caption(source), int(12 * width * len(panels))), fontsize="small")
    return figure
