"""What the paper's "advantage clip" may mean, tried on the tiny team: every reading, method and seed.

    python -m benchmarks.clip_readings --out runs/clip --picture clip_readings.png

Runs that are there already are kept, so an interrupted call goes on. Prints a Markdown table of the test
return after training, sampled, seed by seed, and of the share of advantages that lay on the bound.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure

import collm

WIDTH = 0.05
NORMALIZED = {"advantage_normalization": True}
METHODS = {"demo": "CoLLM-CC", "demo_dc": "CoLLM-DC", "demo_magrpo": "MAGRPO"}
READINGS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "literal": ("advantages cut, as they are", {"advantage_clip": WIDTH}),
    "normalized": (
        "advantages normalized, then cut",
        {**NORMALIZED, "advantage_clip": WIDTH},
    ),
    "raw": ("ratios cut", {"ratio_clip": WIDTH}),
    "ratio": ("ratios cut, advantages normalized", {**NORMALIZED, "ratio_clip": WIDTH}),
    "none": ("no cut, advantages normalized", NORMALIZED),
}
_PLAIN: Mapping[str, object] = {"advantage_normalization": False, "advantage_clip": None, "ratio_clip": None}
_STYLES = ("-", "--", ":", "-.", (0, (1, 1)))


def run(folder: Path, method: str, reading: str, seed: int, updates: int) -> None:
    """Train one team, unless it has been trained."""
    if (folder / "summary.json").is_file():
        return
    keys = {**_PLAIN, **READINGS[reading][1]}
    algorithm = [f"algorithm.{key}={'null' if value is None else value}" for key, value in keys.items()]
    training = [f"training.max_updates={updates}", f"training.checkpoint_every={updates}"]
    overrides = [f"seed={seed}", "training.evaluate_every=0", "evaluation.samples=1", *training, *algorithm]
    collm.train(method, folder, overrides, resume=folder.exists())


def returns(folder: Path) -> list[float]:
    """The mean return of every update's rollouts."""
    return [row["return_mean"] for row in collm.Run(folder).metrics]


def at_bound(folder: Path) -> float:
    """The share of advantages that lie on the bound."""
    episodes = collm.Run(folder).episodes
    rows = [row for name in episodes if name.startswith("update-") for row in episodes[name]]
    found = [value for row in rows for value in row.get("advantages", {}).values()]
    return fmean(abs(abs(value) - WIDTH) < 1e-6 for value in found)


def draw(folders: Mapping[tuple[str, str], Sequence[Path]], picture: Path) -> None:
    """A panel for each method: the mean over seeds, and from the lowest seed to the highest."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    for axes, (method, title) in zip(
        figure.subplots(1, len(METHODS), sharey=True), METHODS.items(), strict=True
    ):
        for (reading, (label, _)), style in zip(READINGS.items(), _STYLES, strict=True):
            curves = np.array([returns(folder) for folder in folders[method, reading]])
            x = np.arange(1, curves.shape[1] + 1)
            (line,) = axes.plot(x, curves.mean(axis=0), linestyle=style, label=label)
            axes.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=line.get_color(), alpha=0.12)
        axes.set_title(title)
        axes.set_xlabel("update")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("return of the rollouts, mean and range of three seeds")
    figure.axes[0].legend(fontsize="small")
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Run what is missing, draw, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/clip"))
    parser.add_argument("--picture", type=Path, default=Path("clip_readings.png"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--updates", type=int, default=12)
    asked = parser.parse_args()
    folders = {
        (method, reading): [asked.out / f"{method}-{reading}-{seed}" for seed in asked.seeds]
        for method in METHODS
        for reading in READINGS
    }
    for (method, reading), paths in folders.items():
        for seed, path in zip(asked.seeds, paths, strict=True):
            run(path, method, reading, seed, asked.updates)
    draw(folders, asked.picture)
    print("| method | reading | test return after, by seed | on the bound |\n|---|---|---|---|")
    for (method, reading), paths in folders.items():
        after = [collm.Run(path).summary["after"]["return_mean"] for path in paths]
        share = fmean(map(at_bound, paths)) if "advantage_clip" in READINGS[reading][1] else 0.0
        cells = f"{' / '.join(f'{value:.2f}' for value in after)} | {share:.0%}"
        print(f"| {METHODS[method]} | {READINGS[reading][0]} | {cells} |")


if __name__ == "__main__":
    main()
