"""Evaluations in the raw-data format of marl-eval, and robust aggregates by rliable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from collm.data.rows import optional_module
from collm.errors import AbsentError
from collm.report.entries import Entry, Groups
from collm.report.tables import PERFORMANCE, Estimate, Table
from collm.runs.run import Run

_RETURNS = ("return_mean", "greedy_return_mean")
_AGGREGATES = ("median", "iqm", "mean", "optimality_gap")
_RESAMPLES = 2000


def marl_eval(groups: Groups) -> dict[str, Any]:
    """Nested as marl-eval reads it: environment, task, algorithm, run, step.

    A step is an evaluation on the test tasks with ``step_count`` (environment steps), ``elapsed_time``
    (seconds of updates) and a list of one value for each measure; ``absolute_metrics`` are those of the last.
    """
    return {"collm": {_key(domain): _algorithms(methods) for domain, methods in groups.items()}}


def _algorithms(methods: Mapping[str, Sequence[Entry]]) -> dict[str, Any]:
    found = {_key(method): dict(_runs(entries)) for method, entries in methods.items()}
    return {method: runs for method, runs in found.items() if runs}


def _runs(entries: Sequence[Entry]) -> Iterator[tuple[str, Any]]:
    """A method's runs by the names of their seeds; runs that share a seed are numbered."""
    seen: Counter[int] = Counter()
    for one in entries:
        if one.run:
            seen[one.seed] += 1
            again = f"_{seen[one.seed]}" if seen[one.seed] > 1 else ""
            yield f"run_{one.seed}{again}", _steps(Run(one.run))


def _steps(run: Run) -> dict[str, Any]:
    counters = {row["update"]: row for row in run.metrics}
    steps: dict[str, Any] = {}
    for number, row in enumerate(run.evaluations):
        at = counters.get(row["update"], {"env_steps": 0, "seconds": 0.0})
        measures = {key: [row[key]] for key in _RETURNS if key in row}
        steps[f"step_{number}"] = {
            "step_count": at["env_steps"],
            "elapsed_time": at["seconds"],
            **measures,
        }
    last = run.evaluations[-1] if run.evaluations else {}
    return {**steps, "absolute_metrics": {key: [last[key]] for key in _RETURNS if key in last}}


def _key(name: str) -> str:
    return "_".join(name.split())


def aggregates(groups: Groups) -> Table | None:
    """Every method's performance over all domains and runs, by rliable's robust aggregates.

    Performance is the first of the papers' measures of a domain, between 0 and 1. The intervals are those of
    a stratified bootstrap: runs are drawn anew within each domain. ``None`` if no method has all domains,
    each with equally many runs.

    Raises:
        AbsentError: if rliable is not installed.
    """
    metrics = optional_module("rliable.metrics", "aggregates", "report")
    scores = dict(_scores(groups))
    if not scores:
        return None
    functions = [getattr(metrics, f"aggregate_{name}") for name in _AGGREGATES]
    rows = {name: tuple(_estimate(function, own) for function in functions) for name, own in scores.items()}
    columns = ("median", "interquartile mean", "mean", "optimality gap")
    title = f"Performance over {', '.join(groups)} (rliable)"
    return Table("aggregates", title, columns, rows, (3,) * len(columns))


def _estimate(function: Callable[[Any], float], scores: Any) -> Estimate:
    """An aggregate of ``"run domain"`` and its interval."""
    stream, (runs, domains) = np.random.default_rng(0), scores.shape
    picks = stream.integers(runs, size=(_RESAMPLES, runs, domains))
    drawn = [function(np.take_along_axis(scores, pick, axis=0)) for pick in picks]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(float(function(scores)), (float(low), float(high)), None, runs)


def _scores(groups: Groups) -> Iterator[tuple[str, Any]]:
    """By method ``"run domain"``, of those that were measured in all domains."""
    for method in dict.fromkeys(name for methods in groups.values() for name in methods):
        columns = [_performances(methods.get(method, ())) for methods in groups.values()]
        runs = len(columns[0])
        if runs > 1 and all(len(column) == runs for column in columns):
            yield method, np.array(columns).T


def _performances(entries: Sequence[Entry]) -> list[float]:
    """The first measure of each run that has it."""
    keys = [PERFORMANCE.get(str(entry.env.get("type")), ("",))[0] for entry in entries]
    pairs = zip(entries, keys, strict=True)
    return [entry.measures[key] for entry, key in pairs if key in entry.measures]


def optional_aggregates(groups: Groups) -> tuple[list[Table], str | None]:
    """The aggregates, or the line that says why there are none."""
    try:
        optional_module("rliable.metrics", "aggregates", "report")
    except AbsentError as error:
        return [], str(error)
    table = aggregates(groups)
    return ([], None) if table is None else ([table], None)
