from __future__ import annotations

from typing import Any

from collm.runs.completions import COLUMNS, completions_of


def row(turn: int, agent_rewards: dict[str, float] | None = None) -> dict[str, Any]:
    return {
        "task": "seven",
        "turn": turn,
        "observations": {"a": "left?", "b": "right?"},
        "replies": {"a": f"l{turn}", "b": f"r{turn}"},
        "reward": 0.5,
        "agent_rewards": agent_rewards,
        "finish_reasons": {"a": "stop", "b": "length"},
    }


def test_every_reply_is_a_row_with_its_agent() -> None:
    found = completions_of([row(0)], update=4, limit=9)
    assert [dict(zip(COLUMNS, each, strict=True)) for each in found] == [
        {
            "update": 4,
            "task": "seven",
            "turn": 0,
            "agent": agent,
            "observation": seen,
            "reply": reply,
            "reward": 0.5,
            "finish_reason": reason,
        }
        for agent, seen, reply, reason in (("a", "left?", "l0", "stop"), ("b", "right?", "r0", "length"))
    ]


def test_only_the_first_so_many_are_taken_and_failed_trees_have_none() -> None:
    failed = {"tree": 0, "task": "seven", "failure": "the sandbox died"}
    found = completions_of([failed, row(0), row(1)], update=0, limit=3)
    assert [each[COLUMNS.index("reply")] for each in found] == ["l0", "r0", "l1"]
    assert completions_of([row(0)], update=0, limit=0) == []


def test_an_agent_with_a_reward_of_its_own_is_shown_that() -> None:
    found = completions_of([row(0, {"a": 1.0, "b": -1.0})], update=0, limit=2)
    assert [each[COLUMNS.index("reward")] for each in found] == [1.0, -1.0]
