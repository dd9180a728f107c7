"""What a team of 2 to 64 learns from the same number of joint samples, by the agents in it.

``python -m benchmarks.team_return --out FOLDER`` writes ``team_return.jsonl`` (a line for every finished run;
those are not run again), ``team_return.png`` and a Markdown table. Every agent holds a letter with a secret
bit and answers it once; the team earns the share of agents that were right, 0.5 for blind guessing and 1 at
best. So each agent hears of its own answer through all the others' noise. Models are one random layer of
letters with adapters, and one critic reads everybody.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import yaml
from matplotlib.figure import Figure

import collm
from benchmarks.outcome import Row, kept, markdown
from collm.base.quiet import quiet_libraries
from collm.base.seeding import derive
from collm.env import Environment, Split, Transition
from collm.envs.probes import choice
from collm.types import Observation, Observations
from tests.checkpoints import save_letters

SIZES = (2, 4, 8, 16, 32, 64)
LETTERS = "ABCDEFGH"
SECRET = (0, 1, 1, 0, 1, 0, 0, 1)
READ = LETTERS + "[]a observtin\n0123456789"
WAYS: Mapping[str, str] = {"own": "an adapter each", "shared": "one adapter for all"}
JOINT_SAMPLES = 32


@dataclass(frozen=True, slots=True)
class Hand:
    """By agent the number of its letter; as a state too, since nothing follows."""

    id: str
    letters: tuple[int, ...]


class Chorus(Environment[Hand, Hand]):
    """Answer your letter's bit.

    Attributes:
        num_agents: how many answer.
    """

    type: Literal["chorus"] = "chorus"
    num_turns: int = 1
    num_agents: int = 2

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(f"a{number:02d}" for number in range(self.num_agents))

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Hand]:
        return [self._dealt(split, number) for number in range(64)]

    def _dealt(self, split: Split, number: int) -> Hand:
        dealt = random.Random(derive(0, "chorus", split, number))
        return Hand(f"{split}-{number}", tuple(dealt.randrange(len(LETTERS)) for _ in self.agents))

    def parse_task(self, row: Mapping[str, Any], where: str) -> Hand:
        return Hand(str(row["id"]), tuple(row["letters"]))

    def reset(self, task: Hand, seed: int) -> Hand:
        return task

    def observe(self, state: Hand) -> Observations:
        held = zip(self.agents, state.letters, strict=True)
        return {agent: Observation(LETTERS[letter], raw=True) for agent, letter in held}

    def step(self, state: Hand, replies: Mapping[str, str]) -> Transition[Hand]:
        held = zip(self.agents, state.letters, strict=True)
        right = fmean(choice(replies[agent]) == SECRET[letter] for agent, letter in held)
        return Transition(state, right, terminated=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--updates", type=int, default=120)
    options = parser.parse_args()
    quiet_libraries()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [
        kept(
            options.out / "team_return.jsonl",
            {"agents": size, "way": way, "seed": seed, "updates": options.updates},
            partial(learned, options.out, size, way, seed, options.updates),
        )
        for seed in options.seeds
        for size in options.sizes
        for way in WAYS
    ]
    drawn(rows).savefig(options.out / "team_return.png", dpi=120)
    print(markdown([line(rows, size) for size in options.sizes]))


def learned(out: Path, size: int, way: str, seed: int, updates: int) -> dict[str, Any]:
    """Train one team: test returns from its first evaluation to its last, and processor seconds."""
    folder, began = out / f"{way}-{size}-{seed}", time.process_time()
    recipe = out / f"{folder.name}.yaml"
    recipe.write_text(yaml.safe_dump(values_of(out / "models", size, way, seed, updates)))
    collm.train(recipe, folder, resume=folder.exists())
    lines = (folder / "evaluations.jsonl").read_text().splitlines()
    curve = {str(row["update"]): row["return_mean"] for row in map(json.loads, lines)}
    return {"curve": curve, "seconds": time.process_time() - began}


def values_of(models: Path, size: int, way: str, seed: int, updates: int) -> dict[str, Any]:
    """A recipe for so many agents."""
    here = models / str(seed)
    if not (here / "critic" / "tokenizer.json").is_file():
        save_letters(here / "base", LETTERS + "01", seed, width=32, scale=0.3)
        save_letters(here / "critic", READ, seed, width=32, scale=0.3)
    agent = {"model": str(here / "base"), "device": "cpu", "context": 8, "adapter": {"r": 8}}
    first, *others = Chorus(num_agents=size).agents
    values: dict[str, Any] = {
        "seed": seed,
        "env": {"type": "benchmarks.team_return:Chorus", "num_agents": size, "step_seconds": None},
        "algorithm": {"type": "collm_cc", "advantage_normalization": True, "critic_epochs": 2},
        "agents": {"*": {**agent, "sampling": {"max_tokens": 1}, "optimization": {"learning_rate": 0.01}}},
        "critic": {
            "model": str(here / "critic"),
            "device": "cpu",
            "context": 4096,
            "optimization": {"learning_rate": 0.01},
        },
        "training": {
            "epochs": 10**6,
            "tasks_per_update": JOINT_SAMPLES,
            "max_updates": updates,
            "checkpoint_every": updates,
            "evaluate_every": max(1, updates // 6),
            "threads": 1,
        },
        "evaluation": {"greedy": False},
    }
    if way == "shared":
        values["agents"] |= {name: {"shares": first} for name in others}
    return values


def drawn(rows: Sequence[Row]) -> Figure:
    """The last return by the size of the team, and how the teams of 64 came there."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    last, course = figure.subplots(1, 2)
    for way, title in WAYS.items():
        own = [row for row in rows if row["way"] == way]
        sizes = sorted({row["agents"] for row in own})
        last.plot(sizes, [fmean(_ends(own, size)) for size in sizes], marker="o", label=title)
        for size in sizes:
            last.plot([size] * len(_ends(own, size)), _ends(own, size), ".", color="grey", markersize=3)
        largest = [row["curve"] for row in own if row["agents"] == sizes[-1]]
        updates = [int(update) for update in largest[0]]
        means = [fmean(curve[str(update)] for curve in largest) for update in updates]
        course.plot([JOINT_SAMPLES * update for update in updates], means, marker="o", label=title)
    last.set(xscale="log", xlabel="agents", ylabel="test return at the end")
    last.set_xticks(sizes, [str(size) for size in sizes])
    last.minorticks_off()
    course.set(xlabel="joint samples", ylabel="test return", title=f"{sizes[-1]} agents")
    for axes in (last, course):
        axes.axhline(0.5, color="black", linewidth=0.6, linestyle=":")
        axes.legend()
    return figure


def _ends(rows: Sequence[Row], size: int) -> list[float]:
    return [list(row["curve"].values())[-1] for row in rows if row["agents"] == size]


def line(rows: Sequence[Row], size: int) -> Row:
    """Means over the seeds of teams of one size."""
    cells: dict[str, Any] = {"agents": size}
    for way, title in WAYS.items():
        own = [row for row in rows if row["way"] == way and row["agents"] == size]
        cells[f"{title}, return"] = f"{fmean(_ends(own, size)):.2f}"
        cells[f"{title}, seconds"] = f"{fmean(row['seconds'] for row in own):.0f}"
    return cells


if __name__ == "__main__":
    main()
