from __future__ import annotations

from dataclasses import replace

from collm.runs.records import UpdateRecord, turn_rows
from collm.types import Action, Observation, Tree, Turn
from tests.trees import Named, tree, turn


def test_a_row_holds_everything_that_was_seen_said_and_rewarded() -> None:
    one = Turn(
        t=0,
        observations={"a": Observation("plan")},
        joint_action={"a": Action("ok", (1, 2), (3, 4), (-0.5, -1.0), "length")},
        reward=-0.5,
        raw_reward=0.5,
        components={"match": 0.5},
        metrics={"iou": 0.25},
        global_information="m",
        truncated=True,
        agent_rewards={"a": 2.0},
    )
    assert list(turn_rows([Tree(Named("house"), 7, (one,), (None,))])) == [
        {
            "tree": 0,
            "task": "house",
            "path": [0],
            "turn": 0,
            "observations": {"a": "plan"},
            "actions": {"a": ""},
            "versions": {"a": 0},
            "replies": {"a": "ok"},
            "tokens": {"a": 2},
            "finish_reasons": {"a": "length"},
            "logprobs": {"a": -1.5},
            "global_information": "m",
            "raw_reward": 0.5,
            "reward": -0.5,
            "agent_rewards": {"a": 2.0},
            "components": {"match": 0.5},
            "metrics": {"iou": 0.25},
            "terminated": False,
            "truncated": True,
            "probe": "",
        }
    ]


def test_rows_come_in_the_order_of_turns_with_their_paths() -> None:
    grown = tree(turn(0, turn(1), turn(2, turn(3))), turn(4))
    rows = list(turn_rows([grown, grown]))
    assert [(row["tree"], row["reward"], row["path"]) for row in rows[:5]] == [
        (0, 0, [0]),
        (0, 1, [0, 0]),
        (0, 2, [0, 1]),
        (0, 3, [0, 1, 0]),
        (0, 4, [1]),
    ]
    assert [row["tree"] for row in rows[5:]] == [1] * 5


def test_what_was_learned_stands_beside_its_turn_whatever_failed_before_it() -> None:
    failed = replace(tree(), failure="the sandbox died")
    record = UpdateRecord(
        values={(0, 0): {"central": 1.0}, (1, 0): {"central": 3.0}},
        targets={(0, 0): {"central": 2.0}},
        advantages={(0, 0): {"a": 0.5}, (1, 0): {"a": -0.5}},
    )
    first, broken, second = turn_rows([tree(turn(0)), failed, tree(turn(1))], record)
    assert (first["values"], first["targets"], first["advantages"]) == (
        {"central": 1.0},
        {"central": 2.0},
        {"a": 0.5},
    )
    assert broken == {"tree": 1, "task": "task", "failure": "the sandbox died"}
    assert (second["tree"], second["values"], second["targets"]) == (2, {"central": 3.0}, {})
    assert second["advantages"] == {"a": -0.5}


def test_tokens_are_kept_where_they_can_be_spelled() -> None:
    grown = tree(turn(0))
    acted = {"a": Action("hi", (1,), (7, 8), (-0.5, -1.0)), "b": Action("", (1,), (), ())}
    grown = replace(grown, turns=(replace(grown.turns[0], joint_action=acted),))
    (row,) = turn_rows([grown], spelled={"a": "<{}>".format, "b": str})
    assert row["token_texts"] == {"a": ["<7>", "<8>"], "b": []}
    assert row["token_logprobs"] == {"a": [-0.5, -1.0], "b": []}
    (row,) = turn_rows([grown])
    assert "token_texts" not in row
