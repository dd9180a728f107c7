"""Twenty kills of a run on Ray, and what each cost: three nodes on this machine, as in the chaos test.

``python -m benchmarks.chaos --out docs/images`` writes ``chaos.json`` and ``chaos.png``, if the run came to
the results of one that nobody disturbed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.outcome import arguments, leave
from collm.base.quiet import quiet_libraries
from collm.training.display import Silent
from collm.training.run import train
from tests.placement.chaos import SECTIONS, chaos
from tests.placement.clusters import three_nodes
from tests.placement.runs import assert_same_results, of_one_policy
from tests.tiny_runs import recipe_in

COLORS = {"worker": "C0", "node": "C1", "driver": "C3"}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    quiet_libraries()
    with tempfile.TemporaryDirectory() as name, three_nodes() as cluster:
        folder, recipe = Path(name), recipe_in(Path(name) / "models")
        train(of_one_policy(recipe, **SECTIONS), folder / "calm", Silent())
        kills, _ = chaos(recipe, cluster, folder, options.seed)
        assert_same_results(folder / "chaos", folder / "calm")
    rows = [asdict(kill) for kill in kills]
    leave("chaos", rows, drawn(rows), options)


def drawn(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A bar for each kill: from then until the log had got further."""
    figure = Figure(figsize=(9, 0.6 + 0.24 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for kind, color in COLORS.items():
        own = [(number, row) for number, row in enumerate(rows, start=1) if row["kind"] == kind]
        numbers, begun = [number for number, _ in own], [row["at"] for _, row in own]
        axes.barh(numbers, [row["cost"] for _, row in own], left=begun, color=color, label=kind)
    end = max(row["at"] + row["cost"] for row in rows)
    for number, row in enumerate(rows, start=1):
        late = row["at"] > end / 2
        place, side = (row["at"], "right") if late else (row["at"] + row["cost"], "left")
        axes.text(place, number, f"  {row['doing']}: {row['victim']}  ", ha=side, va="center", fontsize=7)
    axes.set(xlim=(0, end * 1.02), xlabel="seconds", ylabel="kill", yticks=range(1, len(rows) + 1))
    axes.tick_params(axis="y", labelsize=7)
    axes.invert_yaxis()
    axes.legend(title="what was killed", loc="upper right", fontsize=8)
    return figure


if __name__ == "__main__":
    main()
