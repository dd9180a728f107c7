"""What a person should know of an environment is said before it runs; what breaks beneath it, in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collm import train
from collm.envs.custom import Custom
from collm.training.display import Silent
from tests.commands import Command, make_workspace, own_modules, run_command

NOTICE = "mind the gap"


@pytest.fixture
def collm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run ``collm`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    with own_modules():
        yield lambda *arguments, stdin=b"": run_command(arguments, capfd, stdin)


def play(test: str) -> bytes:
    """A line for ``collm score coding``."""
    task = {"task_id": "t", "prompt": "def double(n):\n", "test": test, "entry_point": "double"}
    turn = {"aux": "def aux(n):\n    return n", "main": "def double(n):\n    return aux(n) * 2"}
    return json.dumps({"task": task, "turns": [turn]}).encode()


def test_the_sandboxs_guards_are_told_and_standard_output_holds_rows_alone(collm: Command) -> None:
    finished = collm("score", "coding", stdin=play("def check(candidate):\n    assert candidate(2) == 4\n"))
    assert finished.code == 0
    assert finished.err.startswith("sandbox (process): ")
    assert finished.err.count("\n") == 1
    assert json.loads(finished.out)["metrics"]["pass_rate"] == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ((), "no_such_module"),
        (("sandbox.backend=container", "sandbox.engine=no-such-engine"), "container does not start"),
    ],
    ids=["tests that do not prepare", "a sandbox that does not start"],
)
def test_broken_infrastructure_is_one_message(
    collm: Command, settings: tuple[str, ...], problem: str
) -> None:
    test = "import no_such_module\ndef check(candidate):\n    assert candidate(2) == 4\n"
    finished = collm("score", "coding", *settings, stdin=play(test))
    assert (finished.code, finished.out) == (2, "")
    last = finished.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert problem in last
    assert "Traceback" not in finished.err


def test_training_and_evaluation_tell_notices_and_the_run_keeps_them(
    collm: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(tmp_path)
    monkeypatch.setattr(Custom, "notices", lambda self: (NOTICE,))
    notes: list[str] = []
    train("good.yaml", "run", ["training.max_updates=1"], callbacks=[Silent(notes.append)])
    assert notes[0] == NOTICE
    assert json.loads((tmp_path / "run" / "versions.json").read_text())["notices"] == [NOTICE]
    finished = collm("eval", "run", "--json")
    assert finished.err.splitlines() == [NOTICE]
    assert json.loads(finished.out)["split"] == "test"
