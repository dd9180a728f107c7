"""Replies that cheat or attack, through the whole environment: none passes, none ends the run, none stays."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from collm.env import Transition, make_env
from collm.envs.coding.coding import Coding, CodingState
from collm.sandbox.pool import shared_pool
from tests.envs.coding.hostile import HOSTILE, LIES, SPYING, Hostile

ROW = {
    "task_id": "hostile",
    "prompt": 'def double(n):\n    """Nobody can guess this."""\n',
    "test": "def check(candidate):\n"
    "    assert candidate(3) == 7919\n"
    "    x = [3, 1, 2]\n"
    "    assert candidate(x) == sorted(x)\n"
    "    assert math.isclose(candidate(5), 104729.5)\n",
    "entry_point": "double",
}
OWN = 4 + os.getpid() / 1e8
"""A limit that no other process on this machine has on its command line."""
LIMITS = {"test_seconds": 0.4, "total_seconds": OWN, "max_breaks": 1, "memory_mb": 192, "folder_mb": 4}


@cache
def env(variant: str) -> Coding:
    made = make_env(
        {"type": "coding", "variant": variant, "test_seconds": 0.4, "sandbox": {"limits": LIMITS, "slots": 1}}
    )
    assert isinstance(made, Coding)
    return made


def play(main: str, variant: str) -> Transition[CodingState]:
    coding = env(variant)
    state = coding.reset(coding.parse_task(ROW, "row"), 0)
    return coding.step(state, {"aux": "def aux(n):\n    return n", "main": main})


def reply(hostile: Hostile) -> str:
    """The attack as a class, which every reading that keeps more than one function keeps, and a function."""
    load, call = (textwrap.indent(code, "    ") for code in hostile)
    return f"class Attack:\n{load}\n\ndef double(n):\n    Attack\n{call}\n"


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    for variant in ("paper", "reference"):
        shared_pool(env(variant)._sandbox).close()
    deadline = time.monotonic() + 10
    while _processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes() == []


def _processes() -> list[str]:
    """The processes of this module's sandboxes, whose forks keep their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(OWN) in file.read_bytes().decode(errors="replace"):
                found.append(file.parent.name)
        except OSError:
            continue
    return found


def test_there_are_a_hundred() -> None:
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_reply_passes_or_ends_the_run(name: str) -> None:
    transition = play(reply(HOSTILE[name]), "paper")
    assert transition.metrics["tests_passed"] == 0
    assert transition.reward <= 1.5
    assert env("paper").observe(transition.state).keys() == {"aux", "main"}


@pytest.mark.parametrize("name", [*LIES, *SPYING])
def test_none_passes_in_the_references_reading(name: str) -> None:
    assert play(reply(HOSTILE[name]), "reference").metrics["tests_passed"] == 0


def test_an_honest_reply_passes_after_all_of_them() -> None:
    answer = "sorted(y) if isinstance(y, list) else {3: 7919, 5: 104729.5}[y]"
    honest = f"def double(n):\n    y = aux(n)\n    return {answer}"
    assert play(honest, "paper").reward == pytest.approx(4.0)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_process_that_stayed_would_be_noticed() -> None:
    play("def double(n):\n    return aux(n)", "paper")
    assert _processes()
