"""What needs no model answers without the libraries of models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import RECIPE

PROGRAM = """
import json, sys
from collm.cli.app import main
sys.argv = ["collm", *sys.argv[1:]]
try:
    main()
finally:
    heavy = {"torch", "transformers", "numpy", "matplotlib", "collm.training.loop"}
    print(json.dumps(sorted(heavy & set(sys.modules))), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("train", "--help"), 0),
        (("recipes",), 0),
        (("docs",), 0),
        (("train", "no_such_recipe"), 2),
        (("train", "good.yaml", "training.epoch=1"), 2),
        (("train", "good.yaml", "agents.left.context=0"), 2),
        (("new", "task", "json"), 2),
        (("sweep", "absent.yaml"), 2),
        (("data", "list"), 0),
    ],
    ids=str,
)
def test_it_answers_without_pytorch(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    (tmp_path / "good.yaml").write_text(RECIPE.replace("my_rewards:short", "statistics:mean"))
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []
