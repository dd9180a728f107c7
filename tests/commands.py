"""Runs the command line in this process, and a small workspace for it: models, tasks, a recipe."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from collm.cli.app import main
from tests.checkpoints import save_qwen2, save_qwen3

RECIPE = """# Two agents fill in a form.
seed: 1
env:
  type: custom
  prompts:
    left: "Name a colour for {text}"
    right: "Name a shape for {text}"
  dataset: texts.jsonl
  column: text
  train: ":4"
  test: "4:"
  reward: my_rewards:short
algorithm:
  type: collm_cc
agents:
  "*": {context: 128, sampling: {max_tokens: 4}, optimization: {learning_rate: 1.0e-3}}
  left: {model: models/left}
  right: {model: models/right}
critic: {model: models/left, optimization: {learning_rate: 1.0e-3}}
training: {tasks_per_update: 2, threads: 1, checkpoint_every: 1}
evaluation: {tasks: 1}
"""
REWARDS = """
import time

def short(replies, row):
    return 1 / (1 + sum(len(reply) for reply in replies.values()))

def raises(replies, row):
    raise ZeroDivisionError("one by none")

def raises_lines(replies, row):
    raise ValueError("one\\ntwo")

def leaves(replies, row):
    raise SystemExit(0)

def huge(replies, row):
    return 10 ** 400

def nan(replies, row):
    return float("nan")

def text(replies, row):
    return "good"

def hangs(replies, row):
    time.sleep(30 if row["id"] == "row 1" else 0)
    return 1.0

class NoEnvironment:
    pass
"""


OWN_MODULES = {"reinforce", "my_rewards", "broken_module", "my_game", "my_task", "own_environment"}


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Finished]


def make_workspace(folder: Path) -> Path:
    """Write everything that ``collm train good.yaml`` needs into a folder."""
    save_qwen3(folder / "models" / "left", width=16, layers=1)
    save_qwen2(folder / "models" / "right", width=16, layers=1)
    rows = [{"id": f"row {number}", "text": f"a thing {number}"} for number in range(6)]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "my_rewards.py").write_text(REWARDS)
    (folder / "broken_module.py").write_text("import nothing_of_that_name\n")
    (folder / "good.yaml").write_text(RECIPE)
    return folder


def run_command(
    arguments: Iterable[object], capture: pytest.CaptureFixture[str], stdin: bytes = b""
) -> Finished:
    """Run ``collm`` in this process, as its entry point would."""
    capture.readouterr()
    argv, standard_input = sys.argv, sys.stdin
    sys.argv = ["collm", *map(str, arguments)]
    sys.stdin = TextIOWrapper(BytesIO(stdin))
    code: object = None
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv, sys.stdin = argv, standard_input
    out, err = capture.readouterr()
    assert code is None or isinstance(code, int)
    return Finished(code or 0, out, err)


@contextmanager
def own_modules() -> Iterator[None]:
    """Forget what is imported inside, and where it was looked for; write no byte code."""
    path, quiet = list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    for name in OWN_MODULES:  # of another workspace, which somebody has left
        sys.modules.pop(name, None)
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, quiet
        for name in OWN_MODULES:
            sys.modules.pop(name, None)


def fingerprint(*folders: Path) -> dict[str, str]:
    """Every path below some folders with the checksum of its content."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for folder in folders
        for path in sorted(folder.rglob("*"))
    }
