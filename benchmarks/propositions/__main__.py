"""The command: samples trees, compares, draws."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import benchmarks.propositions as package
from benchmarks.propositions.games import Tossing, estimate, every, first, grown, parity
from benchmarks.propositions.laws import (
    Pay,
    depth_variances,
    exact_variance,
    proposed_calls,
    proposed_variance,
)
from collm.algorithms.reinforce import Reinforce
from collm.evaluation.bootstrap import bootstrap_interval
from collm.runs.files import write_json

GAMES: Mapping[str, Callable[[int], Pay]] = {
    "first bit paid": lambda turns: first,
    "every bit paid": lambda turns: every,
    "parity paid at the end": parity,
}
SIZES = {1: 5, 2: 5, 4: 3}
"""Samples at each history, and the most turns that are played with them."""

BROKEN: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "noise that a tree shares": ({"luck": 1.0}, {}),
    "crossed samples": ({"size": 2}, {"mode": "cross"}),
    "early stops": ({"termination_threshold": 0.6}, {}),
}
"""What breaks the proposition's assumption: settings of the game and of the method."""

Row = dict[str, Any]


def sampled(env: Tossing, algorithm: Reinforce, trees: int) -> Row:
    """The variance of the estimate over some trees, its 95 % interval, and what a tree cost."""
    played = grown(env, algorithm, trees, seed=1)
    found = np.array([estimate(algorithm, tree) for tree in played.trees])
    squares = (found - found.mean()) ** 2
    low, high = bootstrap_interval(squares)
    return {
        "variance": float(squares.mean()),
        "interval": [float(low), float(high)],
        "calls": played.inference_calls / trees,
    }


def law_rows(trees: int) -> list[Row]:
    """Full trees of one agent: the proposition, the exact law, and samples."""
    rows = []
    for name, game in GAMES.items():
        for count, most in SIZES.items():
            for turns in range(1, most + 1):
                added = depth_variances(game(turns), turns)
                env = Tossing(pay=game(turns), num_turns=turns)
                rows.append(
                    {
                        "game": name,
                        "K": count,
                        "H": turns,
                        "proposed": proposed_variance(sum(added), count, turns),
                        "exact": exact_variance(added, count),
                        "proposed_calls": proposed_calls(1, count, turns),
                        **sampled(env, Reinforce(num_generations=count), trees),
                    }
                )
    return rows


def broken_rows(trees: int) -> list[Row]:
    """Trees of two samples whose branches depend on each other, and what the proposition makes of K = 1."""
    rows = []
    for name, (game, method) in BROKEN.items():
        for turns in (1, 2, 3):
            env = Tossing(pay=every, num_turns=turns, **game)
            alone = sampled(env, Reinforce(num_generations=1), 4 * trees)
            algorithm = Reinforce(num_generations=2, **method)
            crossed = algorithm.mode == "cross"
            rows.append(
                {
                    "game": name,
                    "K": 2,
                    "H": turns,
                    "proposed": proposed_variance(alone["variance"], 4 if crossed else 2, turns),
                    "proposed_calls": proposed_calls(env.size, 2, turns, crossed),
                    **sampled(env, algorithm, trees),
                }
            )
    return rows


def draw(laws: Sequence[Row], broken: Sequence[Row], picture: Path) -> None:
    """A panel for each game, one for broken assumptions, one for what trees cost."""
    figure = Figure(figsize=(16, 3.8), layout="constrained")
    panels = figure.subplots(1, len(GAMES) + 2)
    for axes, name in zip(panels, GAMES, strict=False):
        for color, count in zip(("C0", "C1", "C2"), SIZES, strict=True):
            own = [row for row in laws if row["game"] == name and row["K"] == count and row["exact"] > 0]
            _law_lines(axes, own, color, f"K = {count}")
        axes.set(title=name, xlabel="turns H", yscale="log")
    for color, name in zip(("C3", "C4", "C5"), BROKEN, strict=True):
        _law_lines(panels[-2], [row for row in broken if row["game"] == name], color, name)
    panels[-2].set(title="independence broken, K = 2", xlabel="turns H", yscale="log")
    for color, count in zip(("C0", "C1", "C2"), SIZES, strict=True):
        own = [row for row in laws if row["K"] == count and row["game"] == next(iter(GAMES))]
        turns = [row["H"] for row in own]
        panels[-1].plot(
            turns, [row["proposed_calls"] for row in own], "--", color=color, label=f"K = {count}"
        )
        panels[-1].plot(turns, [row["calls"] for row in own], "o", color=color)
    panels[-1].set(title="actions in a tree (Prop. 3.2)", xlabel="turns H", yscale="log")
    panels[0].set_ylabel("variance of the gradient at the root")
    for axes in panels:
        axes.set_xticks(range(1, max(SIZES.values()) + 1))
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)


def _law_lines(axes: Any, rows: Sequence[Row], color: str, label: str) -> None:
    """Dashed the proposition, drawn through the exact law, points what was sampled."""
    turns = [row["H"] for row in rows]
    axes.plot(turns, [row["proposed"] for row in rows], "--", color=color)
    if all("exact" in row for row in rows):
        axes.plot(turns, [row["exact"] for row in rows], "-", color=color)
    means = np.array([row["variance"] for row in rows])
    errors = np.abs(np.array([row["interval"] for row in rows]).T - means)
    axes.errorbar(turns, means, errors, fmt="o", color=color, capsize=3, label=label)


def main() -> None:
    """Sample, draw, write."""
    parser = argparse.ArgumentParser(description=(package.__doc__ or "").splitlines()[0])
    parser.add_argument("--trees", type=int, default=400, help="behind each point")
    parser.add_argument("--out", type=Path, default=Path("propositions.json"))
    parser.add_argument("--picture", type=Path, default=Path("propositions.png"))
    asked = parser.parse_args()
    laws, broken = law_rows(asked.trees), broken_rows(asked.trees)
    write_json(asked.out, {"laws": laws, "broken": broken})
    draw(laws, broken, asked.picture)
    inside = [row for row in laws if row["interval"][0] <= row["exact"] <= row["interval"][1]]
    print(f"The exact law lies in {len(inside)} of {len(laws)} intervals.")
    for row in broken:
        times = row["variance"] / row["proposed"]
        print(f"{row['game']}, H = {row['H']}: {times:.2f} times what the proposition says")


if __name__ == "__main__":
    main()
