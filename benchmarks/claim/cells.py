"""What is compared: arms, methods, seeds, and the configuration of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collm.base.seeding import derive
from collm.config.tree import RunConfig, make_config
from collm.envs.ledger import LETTERS, MARKS, WRONG_RIGHT
from tests.checkpoints import save_letters

SEEDS = tuple(range(11, 21))
TUNING_SEEDS = (101,)
RATES = (0.01, 0.03)
"""Of the agents: what is tried for every method on the tuning seeds."""

STEP_SAMPLES = 128
"""Joint samples in an update, where a method is free to choose; a tree of eight turns takes 510."""

POINTS = 8
"""Evaluations along a run, besides the one before it."""

_TEST_TASKS = 64
_WRITTEN = LETTERS + WRONG_RIGHT + MARKS + "01"
_READ = LETTERS + WRONG_RIGHT + MARKS + "0123456789XY"
_AGENT: Mapping[str, Any] = {"width": 16}
_CRITIC: Mapping[str, Any] = {"width": 32, "scale": 0.3}
_CRITIC_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Arm:
    """A form of the game.

    Attributes:
        env: settings of the environment.
        samples: joint samples that a method may spend.
        tuned_as: the arm whose learning rates it takes.
        warmup: updates in which critics learn alone; they count.
    """

    name: str
    title: str
    env: Mapping[str, Any]
    samples: int
    tuned_as: str
    warmup: int = 5

    @property
    def turns(self) -> int:
        return int(self.env["num_turns"])


@dataclass(frozen=True, slots=True)
class Method:
    """A way to learn.

    Attributes:
        algorithm: its settings, but for the warm-up.
        tuned_as: the method whose learning rate it takes.
    """

    name: str
    title: str
    algorithm: Mapping[str, Any]
    tuned_as: str

    @property
    def has_critics(self) -> bool:
        return str(self.algorithm["type"]).startswith("collm")

    def tree(self, arm: Arm) -> int:
        """Joint samples in one of its trees."""
        count = int(self.algorithm.get("num_generations", 1))
        return sum(count**turn for turn in range(1, arm.turns + 1))

    def trees(self, arm: Arm) -> int:
        """How many of them an update takes."""
        return max(1, STEP_SAMPLES // self.tree(arm))

    def updates(self, arm: Arm) -> int:
        return arm.samples // (self.tree(arm) * self.trees(arm))


@dataclass(frozen=True, slots=True)
class Cell:
    """One run."""

    arm: Arm
    method: Method
    rate: float
    seed: int

    @property
    def name(self) -> str:
        return f"{self.arm.name}-{self.method.name}-{self.rate:g}-{self.seed}"


_SHORT = {"num_turns": 2, "pay": "each"}
_LATE = {"num_turns": 8, "pay": "end"}
_FRESH = {"num_turns": 4, "pay": "end", "fresh": True}
ARMS = {
    arm.name: arm
    for arm in (
        Arm("dense", "two turns, paid at each", _SHORT, 5120, "dense"),
        Arm("late", "eight turns, paid at the end", _LATE, 9216, "late"),
        Arm("fog", "the same, information split", {**_LATE, "fog": 0.5}, 9216, "late", warmup=10),
        Arm("both", "two turns, paid if both are right", {**_SHORT, "both": True}, 5120, "dense"),
        Arm("fresh", "four turns, new letters at each", _FRESH, 9216, "late"),
    )
}
CLAIM = ("dense", "late", "fog")
OTHERS = ("both", "fresh")
"""Where the trial that came before saw MAGRPO win, if the critic learns little."""

_PLAIN = {"advantage_normalization": True}
_CRITICS = {**_PLAIN, "trace_decay": 0.9, "critic_epochs": 4}
_ONE_STEP = {**_PLAIN, "trace_decay": 0.9, "critic_epochs": 0}
METHODS = {
    method.name: method
    for method in (
        Method("cc", "CoLLM-CC", {"type": "collm_cc", **_CRITICS}, "cc"),
        Method("dc", "CoLLM-DC", {"type": "collm_dc", **_CRITICS}, "dc"),
        Method("magrpo", "MAGRPO", {"type": "magrpo", "num_generations": 2, **_PLAIN}, "magrpo"),
        Method("flat", "REINFORCE++ (no tree)", {"type": "reinforce_pp", "num_generations": 1}, "cc"),
        Method("cc_short", "CC, λ = 0", {"type": "collm_cc", **_CRITICS, "trace_decay": 0.0}, "cc"),
        Method("cc_lazy", "CC, one critic step", {"type": "collm_cc", **_ONE_STEP}, "cc"),
        Method("cc_bare", "CC, λ = 0, one critic step", {"type": "collm_cc", **_PLAIN}, "cc"),
    )
}
COMPARED = ("cc", "dc", "magrpo")
VARIANTS = ("cc_short", "cc_lazy")


def tuning() -> Iterator[Cell]:
    """The runs that choose the rates."""
    for seed in TUNING_SEEDS:
        for arm in dict.fromkeys(arm.tuned_as for arm in ARMS.values()):
            for name in dict.fromkeys(method.tuned_as for method in METHODS.values()):
                yield from (Cell(ARMS[arm], METHODS[name], rate, seed) for rate in RATES)


def claimed(chosen: Mapping[tuple[str, str], float], seeds: Sequence[int]) -> Iterator[Cell]:
    """The runs that matter most, all of a seed together; rates by arm and method."""
    yield from _cells(
        [*_pairs(("late", "dense"), ("cc", "magrpo")), *_pairs(("fog",), ("cc", "dc"))], chosen, seeds
    )


def others(chosen: Mapping[tuple[str, str], float], seeds: Sequence[int]) -> Iterator[Cell]:
    """The other pairs of the claim, Monte Carlo without trees, variants of CoLLM-CC, and other arms."""
    for pairs in (
        [*_pairs(("late",), ("dc", "flat")), *_pairs(("fog",), ("magrpo",)), *_pairs(("dense",), ("dc",))],
        _pairs(("late",), VARIANTS),
        _pairs(("fog",), ("flat", *VARIANTS)),
        _pairs(OTHERS, ("cc", "magrpo", "cc_bare")),
    ):
        yield from _cells(pairs, chosen, seeds)


def _cells(
    pairs: Sequence[tuple[Arm, Method]], chosen: Mapping[tuple[str, str], float], seeds: Sequence[int]
) -> Iterator[Cell]:
    for seed in seeds:
        for arm, method in pairs:
            yield Cell(arm, method, chosen[arm.tuned_as, method.tuned_as], seed)


def _pairs(arms: Sequence[str], methods: Sequence[str]) -> list[tuple[Arm, Method]]:
    return [(ARMS[arm], METHODS[method]) for arm in arms for method in methods]


def config_of(cell: Cell, models: Path) -> RunConfig:
    """The whole configuration of a run; its untrained models are written first.

    Args:
        models: a folder for them, one for each seed in it.
    """
    arm, method, here = cell.arm, cell.method, models / str(cell.seed)
    updates = method.updates(arm)
    values: dict[str, Any] = {
        "seed": cell.seed,
        "env": {"type": "ledger", "secret": cell.seed, "step_seconds": None, **arm.env},
        "algorithm": dict(method.algorithm),
        "agents": {agent: _agent(cell, here, agent) for agent in ("X", "Y")},
        "training": {
            "epochs": 10**6,
            "tasks_per_update": method.trees(arm),
            "max_updates": updates,
            "checkpoint_every": updates,
            "evaluate_every": max(1, round(updates / POINTS)),
            "threads": 1,
        },
        "evaluation": {"tasks": _TEST_TASKS, "greedy": False},
    }
    if method.has_critics:
        values["algorithm"]["critic_warmup"] = arm.warmup
        values["critic"] = _critic(cell, here)
    return make_config(values, cell.name)


def _agent(cell: Cell, models: Path, name: str) -> dict[str, Any]:
    model = _letters(models / name, _WRITTEN, derive(cell.seed, "claim", name), _AGENT)
    return {**_role(model, cell.rate), "sampling": {"max_tokens": 1}}


def _critic(cell: Cell, models: Path) -> dict[str, Any]:
    return _role(_letters(models / "critic", _READ, derive(cell.seed, "claim"), _CRITIC), _CRITIC_RATE)


def _role(model: Path, rate: float) -> dict[str, Any]:
    optimization = {"learning_rate": rate}
    return {"model": str(model), "device": "cpu", "context": 1024, "optimization": optimization}


def _letters(folder: Path, letters: str, seed: int, settings: Mapping[str, Any]) -> Path:
    """An untrained model of one layer that reads and writes some letters."""
    if not (folder / "tokenizer.json").is_file():
        save_letters(folder, letters, seed % 2**31, **settings)
    return folder
