from __future__ import annotations

from dataclasses import asdict

from collm.runs.folder import Counters
from collm.runs.summary import summary_of

COUNTERS = asdict(Counters(update=2, env_steps=8, episodes=4, tokens=40, inference_calls=16, seconds=1.5))


def test_a_summary_holds_the_counters_and_both_teams() -> None:
    rows = [
        {"update": 0, "name": "before", "return_mean": 0.0},
        {"update": 1, "name": "update-000001", "return_mean": 0.5},
        {"update": 2, "name": "after", "return_mean": 1.0},
    ]
    teams = {"before": {"return_mean": 0.0}, "after": {"return_mean": 1.0}}
    assert summary_of(COUNTERS, rows, finished=True) == {"finished": True, **COUNTERS, **teams}


def test_what_was_not_evaluated_is_absent() -> None:
    assert summary_of(COUNTERS, [{"update": 1}], finished=False) == {"finished": False, **COUNTERS}
