"""Runs side by side: what each is, and the curves of its logs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from collm.view.folders import Run
from collm.view.query import agent_names, counts
from collm.view.tolerant import mapping, number, text, whole

_RETURN = "return_mean"


def runs(runs: Iterable[Run], reader: sqlite3.Connection) -> dict[str, Any]:
    """Every run in a few words, the keys of all their curves, and the agents that were met."""
    episodes = counts(reader)
    rows = [_described(run, episodes.get(run.name, 0)) for run in runs]
    keys = dict.fromkeys(key for row in rows for key in row["keys"])
    return {"runs": rows, "keys": list(keys), "agents": agent_names(reader)}


def _described(run: Run, episodes: int) -> dict[str, Any]:
    config, metrics = run.config(), run.metrics()
    last = metrics[-1] if metrics else {}
    return {
        "name": run.name,
        "environment": text(mapping(config.get("env")).get("type")),
        "algorithm": text(mapping(config.get("algorithm")).get("type")),
        "agents": list(mapping(config.get("agents"))),
        "updates": whole(last.get("update")),
        "planned": whole(mapping(config.get("training")).get("max_updates")),
        "finished": run.finished(),
        "episodes": episodes,
        "returns": [number(row.get(_RETURN)) for row in metrics][-200:],
        "failures": sum(whole(row.get("failures")) for row in metrics),
        "keys": _keys([*metrics[:1], *metrics[-1:]]) + _keys(run.evaluations()[-1:], "evaluation/"),
    }


def _keys(rows: Iterable[Mapping[str, Any]], prefix: str = "") -> list[str]:
    """Keys that can be drawn over updates."""
    keys = dict.fromkeys(key for row in rows for key, value in row.items() if number(value) is not None)
    return [prefix + key for key in keys if key != "update"]


def curves(runs: Mapping[str, Run], names: Sequence[str], keys: Sequence[str]) -> list[dict[str, Any]]:
    """For each run and key the points that there are, as ``update`` and ``value``."""
    return [
        {"run": name, "key": key, **_curve(runs[name], key)} for name in names if name in runs for key in keys
    ]


def _curve(run: Run, key: str) -> dict[str, list[float]]:
    kind, _, inner = key.partition("evaluation/")
    rows = run.evaluations() if inner and not kind else run.metrics()
    points = [(number(row.get("update")), number(row.get(inner or key))) for row in rows]
    whole_points = [(update, value) for update, value in points if update is not None and value is not None]
    return {"update": [update for update, _ in whole_points], "value": [value for _, value in whole_points]}
