"""Written replies are scored turn by turn, with no model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collm.contract.plays import score_plays
from collm.env import make_env
from collm.errors import CollmError

HUT = {
    "task_id": "hut",
    "inventory": {"C": "white_concrete", "A": "air"},
    "target_spec": {"layers": [{"y": 0, "rows": ["CCC"]}, {"y": 1, "rows": ["CAA"]}]},
}
PLAY: dict[str, Any] = {
    "task": HUT,
    "turns": [
        {"player_1": "/fill 0 0 0 2 0 0 white_concrete", "player_2": "/kill"},
        {},
        {"player_2": "/fill 0 1 0 0 1 0 white_concrete"},
    ],
}
SETTINGS = {"type": "housebuild", "limited_resource": False, "num_turns": 4}


def rows(*plays: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    env = make_env({**SETTINGS, **settings})
    return list(score_plays(env, [json.dumps(play) + "\n" for play in plays]))


def test_each_turn_played_gives_a_row() -> None:
    found = rows(PLAY, termination_threshold=None)
    assert [(row["task"], row["turn"]) for row in found] == [("hut", 0), ("hut", 1), ("hut", 2)]
    # Of six cells five are right, then the two of air, then three; nobody attacks in the last two turns.
    assert [row["components"]["match"] for row in found] == pytest.approx([5 / 6, 2 / 6, 3 / 6])
    assert [row["raw_reward"] for row in found] == pytest.approx([5 / 6, 2 / 6 - 0.2, 3 / 6 - 0.2])
    assert [row["reward"] for row in found] == pytest.approx([-1 / 6, -4 / 6 - 0.2, -3 / 6 - 0.2])
    assert [row["terminated"] for row in found] == [False, False, False]
    assert found[0]["metrics"]["hp"] == 1


def test_what_follows_the_end_is_not_played() -> None:
    assert [row["terminated"] for row in rows(PLAY, num_turns=2)] == [False, True]
    assert [row["terminated"] for row in rows(PLAY, termination_threshold=-0.2)] == [True]


def test_blank_lines_are_passed_over_and_each_play_starts_anew() -> None:
    env = make_env(SETTINGS)
    line = json.dumps(PLAY)
    found = list(score_plays(env, ["\n", line, "  \n", line]))
    assert found[: len(found) // 2] == found[len(found) // 2 :]


def test_rows_before_a_broken_line_are_given() -> None:
    env = make_env(SETTINGS)
    scored = score_plays(env, [json.dumps(PLAY), "{"])
    assert next(scored)["turn"] == 0
    with pytest.raises(CollmError, match="line 2: not valid JSON"):
        list(scored)


def test_an_agent_that_does_not_act_now_is_refused() -> None:
    with pytest.raises(CollmError, match=r"line 1: turns\[1\]\.player_3: no such agent"):
        rows({**PLAY, "turns": [{}, {"player_3": "/kill"}]})
