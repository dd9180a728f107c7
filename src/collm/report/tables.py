"""The papers' three tables from runs and evaluations, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from collm.contract.held import hold
from collm.env import make_env
from collm.errors import CollmError
from collm.evaluation.bootstrap import bootstrap_interval, over_groups
from collm.evaluation.values import KS
from collm.report.entries import Entry, Groups
from collm.runs.run import Run

Interval = tuple[float, float]
PERFORMANCE: Mapping[str, tuple[str, ...]] = {
    "tldr": ("score",),
    "arxiv": ("score",),
    "coding": ("final_passed_all", "pass_rate"),
    "housebuild": ("hp", "iou"),
    "strbuild": ("iou", "coverage"),
}
"""What the papers measure, by the environment's type; all of these lie between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over runs.

    Attributes:
        over_runs: 95 % bootstrap interval, runs drawn anew; ``None`` of a single run.
        over_tasks: the same, whole tasks drawn anew with all their episodes of all runs; ``None`` where the
            episodes are not known.
        runs: how many.
    """

    mean: float
    over_runs: Interval | None
    over_tasks: Interval | None
    runs: int


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers with the names of their rows and columns.

    Attributes:
        name: of its files.
        title: what it shows, in one line.
        columns: of the numbers.
        rows: by the row's name, a number for each column, ``None`` where there is none.
        digits: after the point, by column.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Estimate | None, ...]]
    digits: tuple[int, ...]


def tables_of(groups: Groups) -> list[Table]:
    """Table 1 of each domain, table 2 of those with pass@k, table 3 of those with runs."""
    every = [(_performance, domain, methods) for domain, methods in groups.items()]
    every += [(_passes, domain, methods) for domain, methods in groups.items()]
    every += [(_overhead, domain, methods) for domain, methods in groups.items()]
    made = [make(domain, methods) for make, domain, methods in every]
    return [table for table in made if table is not None]


def _performance(domain: str, methods: Mapping[str, Sequence[Entry]]) -> Table | None:
    """Table 1: response time, tokens and performance of trained teams and of protocols."""
    shares = _shares(next(iter(methods.values()))[0])
    keys = [("response_seconds_mean", 1.0), ("tokens_mean", 1.0), *((key, 100.0) for key in shares)]
    keys.append(("return_mean", 1.0))
    titles = ["time of a turn (s)", "tokens a reply", *(f"{_worded(key)} (%)" for key in shares), "return"]
    rows = {
        method: tuple(measured(own, key, scale) for key, scale in keys) for method, own in methods.items()
    }
    return _table(f"table1-{domain}", f"Table 1, {domain}: time, tokens, performance", titles, rows)


def _passes(domain: str, methods: Mapping[str, Sequence[Entry]]) -> Table | None:
    """Table 2: pass@k."""
    rows = {
        method: tuple(measured(own, f"pass_at_{k}", 100.0) for k in KS) for method, own in methods.items()
    }
    return _table(f"table2-{domain}", f"Table 2, {domain}: pass@k (%)", [f"pass@{k}" for k in KS], rows)


def _overhead(domain: str, methods: Mapping[str, Sequence[Entry]]) -> Table | None:
    """Table 3: what training took, of the methods that trained."""
    titles = ["epochs", "rollouts a tree", "samples", "updates", "minutes", "peak memory (GiB)"]
    makers = (_epochs, _rollouts, _samples, _updates, _minutes, _memory)
    trained = {method: [Run(one.run) for one in own if one.run] for method, own in methods.items()}
    rows = {
        method: tuple(_estimated(_known(map(make, runs))) for make in makers)
        for method, runs in trained.items()
        if runs
    }
    return _table(f"table3-{domain}", f"Table 3, {domain}: training overhead", titles, rows)


def _table(
    name: str, title: str, columns: Sequence[str], rows: Mapping[str, tuple[Estimate | None, ...]]
) -> Table | None:
    """A table without its empty columns; ``None`` if nothing is left."""
    kept = [place for place in range(len(columns)) if any(row[place] for row in rows.values())]
    if not kept:
        return None
    there = {method: tuple(row[place] for place in kept) for method, row in rows.items()}
    digits = tuple(_digits([row[number] for row in there.values()]) for number in range(len(kept)))
    return Table(_file_name(name), title, tuple(columns[place] for place in kept), there, digits)


def _digits(column: Iterable[Estimate | None]) -> int:
    """More for small numbers, none for counts in the hundreds."""
    largest = max(abs(one.mean) for one in column if one is not None)
    return 0 if largest >= 200 else 1 if largest >= 10 or largest == 0 else 2 if largest >= 0.1 else 4


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())


def measured(entries: Sequence[Entry], key: str, scale: float = 1.0) -> Estimate | None:
    """A measure's mean over runs; ``None`` where no run has it."""
    having = [entry for entry in entries if key in entry.measures]
    estimate = _estimated([scale * entry.measures[key] for entry in having])
    tasks: dict[int, list[float]] = {}
    for entry in having:
        for task, values in entry.values.get(key, {}).items():
            tasks.setdefault(task, []).extend(scale * value for value in values)
    if estimate is None or not tasks:
        return estimate
    return Estimate(estimate.mean, estimate.over_runs, over_groups(list(tasks.values())), estimate.runs)


def _estimated(values: Sequence[float]) -> Estimate | None:
    if not values:
        return None
    interval = None
    if len(values) > 1:
        low, high = bootstrap_interval(np.asarray(values))
        interval = float(low), float(high)
    return Estimate(fmean(values), interval, None, len(values))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _shares(entry: Entry) -> tuple[str, ...]:
    """The measures of performance that are shares of 1."""
    return PERFORMANCE.get(str(entry.env.get("type")), ())


def _worded(key: str) -> str:
    return key.removesuffix("_mean").replace("_", " ")


# What training took, one number for each run; None where its files do not say.


def _epochs(run: Run) -> float | None:
    """Passes over the training tasks that the run has made."""
    tasks = _tasks(run)
    return None if tasks is None else _places(run, tasks) / tasks


def _rollouts(run: Run) -> float | None:
    tasks, each = _tasks(run), int(run.config["training"]["episodes_per_task"])
    if tasks is None or not run.metrics:
        return None
    return float(run.metrics[-1]["episodes"]) / (_places(run, tasks) * each)


def _tasks(run: Run) -> int | None:
    """Training tasks; ``None`` if their data are not here, or saved trees stood in their place."""
    if run.config["training"].get("saved") is not None:
        return None
    try:
        return len(hold(make_env(run.config["env"])).tasks("train"))
    except CollmError:
        return None


def _places(run: Run, tasks: int) -> int:
    """How many tasks the updates so far have played; the last of all may have had fewer than the others."""
    training = run.config["training"]
    return int(min(len(run.metrics) * training["tasks_per_update"], training["epochs"] * tasks))


def _samples(run: Run) -> float | None:
    return _last(run, "env_steps")


def _updates(run: Run) -> float | None:
    return sum(_numbers(run.metrics, "optimizer_steps")) if run.metrics else None


def _minutes(run: Run) -> float | None:
    seconds = _last(run, "seconds")
    return None if seconds is None else seconds / 60


def _memory(run: Run) -> float | None:
    return max(_numbers(run.metrics, "peak_memory_gib"), default=None)


def _last(run: Run, key: str) -> float | None:
    return next(_numbers(reversed(run.metrics), key), None)


def _numbers(rows: Iterable[Mapping[str, Any]], key: str) -> Iterator[float]:
    return (float(row[key]) for row in rows if key in row)
