"""The figure of simulated updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Row = Mapping[str, Any]
STAGES = ("sampling", "grading", "learning", "sync")


def drawn(rows: Sequence[Row]) -> Figure:
    """Where an update's seconds go, how they fall with cards, and what lagging weights buy."""
    figure = Figure(figsize=(14.5, 4), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    model = rows[-1]["model"]
    own = [row for row in rows if row["model"] == model]
    team = sorted({row["agents"] for row in own})[-2:][0]
    _stages(first, [row for row in own if row["agents"] == team], f"{model}, {team} agents, staleness 0")
    _seconds(second, own, model)
    _gains(third, rows, team)
    return figure


def _stages(axes: Axes, rows: Sequence[Row], title: str) -> None:
    """Stacked seconds; what the stages at full use do not explain is waiting."""
    rows = [row for row in rows if row["order"] == "staleness 0"]
    names, under = [str(row["cards an agent"]) for row in rows], [0.0] * len(rows)
    for stage in STAGES:
        heights = [row[stage] for row in rows]
        axes.bar(names, heights, bottom=under, label=stage)
        under = [a + b for a, b in zip(under, heights, strict=True)]
    waits = [max(0.0, row["update s"] - done) for row, done in zip(rows, under, strict=True)]
    axes.bar(names, waits, bottom=under, label="waiting for the slowest", color="lightgrey")
    axes.set(title=title, xlabel="cards of an agent", ylabel="seconds of an update")
    axes.legend(fontsize=8)


def _seconds(axes: Axes, rows: Sequence[Row], model: str) -> None:
    for color, agents in enumerate(sorted({row["agents"] for row in rows})):
        for order, line in (("staleness 0", "-"), ("staleness 1", "--")):
            points = [row for row in rows if row["agents"] == agents and row["order"] == order]
            cards, spent = [row["cards"] for row in points], [row["update s"] for row in points]
            label = f"{agents} agents, {order}"
            axes.loglog(cards, spent, line, marker="o", markersize=4, color=f"C{color}", label=label)
    axes.set(title=model, xlabel="cards of the team", ylabel="seconds of an update")
    axes.legend(fontsize=8)


def _gains(axes: Axes, rows: Sequence[Row], team: int) -> None:
    """Times as fast as with staleness 0 on as many cards."""
    for style, model in zip(("--", "-"), dict.fromkeys(row["model"] for row in rows), strict=False):
        own = [row for row in rows if row["agents"] == team and row["model"] == model]
        whole = {row["cards an agent"]: row["update s"] for row in own if row["order"] == "staleness 0"}
        for color, order in enumerate(dict.fromkeys(row["order"] for row in own)):
            points = [row for row in own if row["order"] == order]
            if order == "staleness 0":
                continue
            cards = [row["cards an agent"] for row in points]
            gains = [whole[row["cards an agent"]] / row["update s"] for row in points]
            axes.semilogx(cards, gains, style, marker="o", markersize=4, color=f"C{color}", base=2)
            axes.plot([], [], color=f"C{color}", label=order if style == "--" else None)
        axes.plot([], [], style, color="grey", label=model)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(title=f"{team} agents", xlabel="cards of an agent", ylabel="times as fast as staleness 0")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
