"""The arms of ``benchmarks/claim`` on HouseBuild, and what they teach tried on the demo's own task.

    python -m benchmarks.houses arms --out runs/houses --picture docs/images/houses.png
    python -m benchmarks.houses demo --out runs/houses --picture docs/images/demo_settings.png

``arms`` pays at the last turn alone, after four turns and after eight; ``demo`` leaves the task as ``make
demo`` has it and changes how critics learn. The tiny team of the package, equal joint samples, three seeds.
Runs that are there already are kept. Prints a Markdown table: test returns, sampled, a turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import collm

Overrides = Mapping[str, object]
_RARE: Overrides = {"evaluation.samples": 1, "training.checkpoint_every": 10**6}
_TRACE: Overrides = {"algorithm.trace_decay": 0.9}
_PASSES: Overrides = {"algorithm.critic_epochs": 3}


@dataclass(frozen=True, slots=True)
class Setting:
    """A recipe with some keys changed."""

    title: str
    recipe: str
    overrides: Overrides
    turns: int = 4


def late(turns: int) -> dict[str, Setting]:
    """Paid at the end of so many turns; about 6,100 joint samples each."""
    ended = {
        **_RARE,
        "env.pay": "end",
        "env.num_turns": turns,
        "env.termination_threshold": None,
        "training.evaluate_every": 12,
    }
    single = {**ended, "training.tasks_per_update": 128 // turns, "training.epochs": 32 // turns}
    critics = {**single, **_TRACE, **_PASSES}
    trees = 4 if turns == 4 else 1
    grown = {**ended, "training.tasks_per_update": trees, "training.max_updates": 12 * trees}
    if trees == 1:
        grown["training.evaluate_every"] = 3
    return {
        f"cc-{turns}": Setting("CoLLM-CC", "demo", critics, turns),
        f"bare-{turns}": Setting("CC as the demo has it", "demo", single, turns),
        f"dc-{turns}": Setting("CoLLM-DC", "demo_dc", critics, turns),
        f"magrpo-{turns}": Setting("MAGRPO", "demo_magrpo", grown, turns),
    }


SETTINGS: Mapping[str, Mapping[str, Setting]] = {
    "arms": {**late(4), **late(8)},
    "demo": {
        "as-it-is": Setting("as it is", "demo", {}),
        "trace": Setting("λ = 0.9", "demo", _TRACE),
        "passes": Setting("three critic passes more", "demo", _PASSES),
        "both": Setting("both", "demo", {**_TRACE, **_PASSES}),
    },
}


def run(folder: Path, setting: Setting, seed: int, more: Sequence[str]) -> None:
    """Train one team, unless it has been trained."""
    if (folder / "summary.json").is_file():
        return
    written = [f"{key}={'null' if value is None else value}" for key, value in setting.overrides.items()]
    collm.train(setting.recipe, folder, [f"seed={seed}", *written, *more], resume=folder.exists())


def curve(folder: Path) -> tuple[list[int], list[float]]:
    """Joint samples, and the mean test return of a turn."""
    read = collm.Run(folder)
    spent = {0: 0, **{row["update"]: row["env_steps"] for row in read.metrics}}
    rows = read.evaluations
    return [spent[row["update"]] for row in rows], [row["return_mean"] / row["turns_mean"] for row in rows]


def draw(folders: Mapping[str, Sequence[Path]], settings: Mapping[str, Setting], picture: Path) -> None:
    """A panel for each length of episodes; a line for each setting: the mean over seeds, and the extremes."""
    lengths = list(dict.fromkeys(setting.turns for setting in settings.values()))
    figure = Figure(figsize=(2.5 + 4.5 * len(lengths), 4.2), layout="constrained")
    for axes, length in zip(figure.subplots(1, len(lengths), squeeze=False)[0], lengths, strict=True):
        for name, setting in settings.items():
            if setting.turns == length:
                _line(axes, setting.title, [curve(folder) for folder in folders[name]])
        axes.set(xlabel="joint samples", ylabel="test return of a turn", title=f"{length} turns")
        axes.legend(fontsize="small", loc="upper left")
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)


def _line(axes: Axes, title: str, curves: Sequence[tuple[list[int], list[float]]]) -> None:
    samples, values = (np.array(column) for column in zip(*curves, strict=True))
    (line,) = axes.plot(samples.mean(0), values.mean(0), label=title)
    axes.fill_between(samples.mean(0), values.min(0), values.max(0), color=line.get_color(), alpha=0.12)


def main() -> None:
    """Run what is missing, draw, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=list(SETTINGS))
    parser.add_argument("--out", type=Path, default=Path("runs/houses"))
    parser.add_argument("--picture", type=Path, default=Path("houses.png"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", nargs="*", default=[], help="overrides, such as training.max_updates=2")
    asked = parser.parse_args()
    settings = SETTINGS[asked.what]
    folders = {name: [asked.out / f"{name}-{seed}" for seed in asked.seeds] for name in settings}
    for position, seed in enumerate(asked.seeds):
        for name, setting in settings.items():
            run(folders[name][position], setting, seed, asked.set)
    draw(folders, settings, asked.picture)
    print("| | turns | test return of a turn, by seed | mean over the run | seconds |\n|---|---|---|---|---|")
    for name, setting in settings.items():
        curves = [curve(folder)[1] for folder in folders[name]]
        after = " / ".join(f"{shares[-1]:.2f}" for shares in curves)
        area = fmean(fmean(shares) for shares in curves)
        seconds = fmean(collm.Run(folder).metrics[-1]["seconds"] for folder in folders[name])
        print(f"| {setting.title} | {setting.turns} | {after} | {area:.3f} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
