"""Every algorithm of the registry on every probe game: how many updates until it is near the optimum.

    python -m benchmarks.probe_matrix --seeds 0 1 2 --out benchmarks/results

The teams are those of ``tests/training/test_learning_probes.py``; a game counts as learned when five updates
in a row reach 95 % of the optimum on average, within 150. Finished cells are kept in
``probe_matrix.jsonl``, and taken from there by the next call. Prints the Markdown table of docs/methods.md.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from matplotlib.figure import Figure

from benchmarks.outcome import Row, arguments, kept, leave, markdown
from collm.algorithms.base import algorithms
from collm.envs.probes import Probe
from tests.training.probe_teams import PROBES, UPDATES, WINDOW, ProbeTeams, learned, returns_until_learned

LEARNERS = [name for name in sorted(algorithms()) if name != "reward_model"]  # its agents do not learn


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--algorithms", nargs="*", default=LEARNERS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        make = ProbeTeams(Path(folder))
        cells = [
            kept(
                options.out / "probe_matrix.jsonl",
                {"algorithm": name, "game": env.type, "seed": seed},
                partial(played, make, name, env, seed),
            )
            for name in options.algorithms
            for env in PROBES
            for seed in options.seeds
        ]
    rows = [_row(name, cells) for name in options.algorithms]
    leave("probe_matrix", rows, heatmap(rows), options)
    print(markdown([shown(row) for row in rows]))


def played(make: ProbeTeams, name: str, env: Probe, seed: int) -> Row:
    """Learn one game, and say how it went."""
    began = time.process_time()
    returns = returns_until_learned(make(name, seed), env)
    return {
        "updates": len(returns) if learned(returns, env) else None,
        "share": fmean(returns[-WINDOW:]) / env.optimum,
        "seconds": time.process_time() - began,
    }


def _row(name: str, cells: Sequence[Row]) -> dict[str, Any]:
    """Of one algorithm: by game the updates that the seeds took, and processor seconds of all."""
    own = [cell for cell in cells if cell["algorithm"] == name]
    games = {env.type: [cell for cell in own if cell["game"] == env.type] for env in PROBES}
    return {
        "case": name,
        **{game: said(several) for game, several in games.items()},
        "seconds": sum(cell["seconds"] for cell in own),
    }


def said(cells: Sequence[Row]) -> str:
    """The median of the updates; if some seeds did not learn, how many did and where the others ended."""
    found = [cell["updates"] for cell in cells if cell["updates"] is not None]
    lost = [cell["share"] for cell in cells if cell["updates"] is None]
    if not lost:
        return f"{median(found):.0f}" if found else "-"
    return f"{len(found)} of {len(cells)}; {fmean(lost):.2f}"


def shown(row: Row) -> Row:
    """As a line of docs/methods.md."""
    games = {game.removeprefix("probe_"): row[game] for game in (env.type for env in PROBES)}
    return {"algorithm": f"`{row['case']}`", **games, "seconds": f"{row['seconds']:.0f}"}


def heatmap(rows: Sequence[Row]) -> Figure:
    """Updates by algorithm and game; what was not always learned is dark, with its words."""
    games = [env.type for env in PROBES]
    figure = Figure(figsize=(1.5 * len(games) + 2, 0.3 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    counts = [[float(row[game]) if row[game].isdigit() else UPDATES for game in games] for row in rows]
    axes.imshow(counts, cmap="viridis_r", vmin=0, vmax=UPDATES, aspect="auto")
    for y, row in enumerate(rows):
        for x, game in enumerate(games):
            shade = "white" if counts[y][x] > UPDATES / 2 else "black"
            axes.text(x, y, row[game], ha="center", va="center", fontsize=8, color=shade)
    axes.set_xticks(range(len(games)), [game.removeprefix("probe_") for game in games])
    axes.set_yticks(range(len(rows)), [row["case"] for row in rows])
    axes.set_title("updates until near the optimum, median of the seeds", fontsize=9)
    return figure


if __name__ == "__main__":
    main()
