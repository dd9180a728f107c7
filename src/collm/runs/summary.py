"""``summary.json``: how far a run has come, with its team before and after training in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COUNTED = ("update", "env_steps", "episodes", "inference_calls", "tokens", "seconds")


def summary_of(
    counters: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]], finished: bool
) -> dict[str, Any]:
    """The counters, and the measures of the evaluations named ``before`` and ``after`` that there are."""
    summary: dict[str, Any] = {"finished": finished, **{name: counters[name] for name in _COUNTED}}
    for name in ("before", "after"):
        rows = [row for row in evaluations if row.get("name") == name]
        if rows:
            summary[name] = {key: value for key, value in rows[-1].items() if key not in ("update", "name")}
    return summary
