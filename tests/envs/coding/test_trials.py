"""Rows by which no program can be judged are named, with their task, before any is."""

from __future__ import annotations

from typing import Any

import pytest

from collm.contract.plays import score_plays
from collm.env import make_env
from collm.envs.coding.coding import Coding
from collm.errors import CollmError

LIMITS = {"test_seconds": 0.5, "total_seconds": 3, "max_breaks": 1}


def env(limits: dict[str, Any] = LIMITS, **config: Any) -> Coding:
    made = make_env(
        {"type": "coding", "test_seconds": 0.5, "sandbox": {"limits": limits, "slots": 1}} | config
    )
    assert isinstance(made, Coding)
    return made


def row(test: str) -> dict[str, Any]:
    return {"task_id": "t/7", "prompt": "def f(x):\n    '''D.'''\n", "test": test, "entry_point": "f"}


UNABLE = {
    "hangs while it loads": "while True: pass\ndef check(candidate):\n    assert candidate(1) == 1\n",
    "exits while it loads": "import sys\nsys.exit()\ndef check(candidate):\n    assert candidate(1) == 1\n",
    "ends its process": "import os\nos._exit(0)\ndef check(candidate):\n    assert candidate(1) == 1\n",
    "lacks a package": "import no_such_package\ndef check(candidate):\n    assert candidate(1) == 1\n",
    "prepares for ever": "def check(candidate):\n    while True: pass\n    assert candidate(1) == 1\n",
    "exits before a test": "def check(candidate):\n    raise SystemExit\n    assert candidate(1) == 1\n",
    "hangs in a test": "def check(candidate):\n    assert sum(range(10**12)) == candidate(1)\n",
    "exits in a test": "import os\ndef check(candidate):\n    assert (os._exit(0), candidate(1))\n",
}


@pytest.mark.parametrize("name", UNABLE)
def test_a_row_whose_own_tests_hang_or_exit_is_named(name: str) -> None:
    with pytest.raises(CollmError, match=r"^data.json\[3\].test: task 't/7' can judge no program: "):
        env().parse_task(row(UNABLE[name]), "data.json[3]")


def test_the_references_tests_are_tried_too() -> None:
    test = "def check(candidate):\n    assert candidate(1) == 1\n"
    test += "    assert __import__('sys').exit() or candidate(1)\n"
    with pytest.raises(CollmError, match=r"its own test 'assert .*exit\(\) or f\(1\)' hangs or exits: Sys"):
        env(variant="reference").parse_task(row(test), "row")


@pytest.mark.parametrize(
    "test",
    [
        "def check(candidate):\n    try: assert candidate(1)\n    except ValueError: pass\n",
        "def check(candidate):\n    for n in range(3):\n        y = candidate(n)\n        assert y == n\n",
        "def check(candidate):\n    assert unknown_name(candidate(1))\n",
    ],
)
def test_rows_that_end_are_kept(test: str) -> None:
    assert env().parse_task(row(test), "row").id == "t/7"


def test_a_play_of_such_a_row_is_refused() -> None:
    play = '{"task": {"task_id": "t/7", "prompt": "def f(x):", "entry_point": "f", "test": '
    play += '"def check(candidate):\\n    raise SystemExit\\n    assert candidate(1)"}, "turns": [{}]}'
    with pytest.raises(CollmError, match=r"^line 1: task.test: task 't/7' can judge no program"):
        list(score_plays(env(), [play]))


def test_limits_under_which_nothing_passes_are_named_and_not_the_row() -> None:
    coding = env({**LIMITS, "open_files": 1})
    with pytest.raises(CollmError, match=r"^sandbox.limits.open_files: with 1 not even an ordinary program"):
        coding.parse_task(row("def check(candidate):\n    assert candidate(1) == 1\n"), "row")
