"""Imports point down the rooms of the house, few modules lie loose, and what needs no torch imports none."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import collm

ROOT = Path(collm.__file__).parent
RANKS = """
errors printable types
base
functional
env
data
contract
sandbox
envs
adapters
algorithms
models.config
models
engines
agents
config
rollout
runs
protocols
placement
evaluation
training
sweep
report
serve view
cli
__main__
"""
"""Rooms from below to above. Models and engines read some settings, which so lie below them; data
make tasks of an environment, and so lie above its protocol."""

RANK = {room: rank for rank, rooms in enumerate(RANKS.splitlines()) for room in rooms.split()}


def room_of(module: str) -> str:
    """``agents.config`` or ``agents`` of ``collm.agents.config``."""
    parts = module.split(".")[1:]
    return next(room for room in (".".join(parts[:2]), parts[0]) if room in RANK)


def imports_of(file: Path) -> Iterator[str]:
    """Every module of this package that a file imports, at its top or in a function."""
    stack: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue  # names for annotations alone
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("collm."))
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "collm":
                yield from (f"collm.{alias.name}" for alias in node.names if alias.name in RANK)
            elif node.module.startswith("collm."):
                yield node.module


FILES = sorted(file for file in ROOT.rglob("*.py") if file.relative_to(ROOT).parts != ("__init__.py",))


def test_every_room_has_its_place() -> None:
    rooms = {file.relative_to(ROOT).parts[0].removesuffix(".py") for file in FILES}
    assert rooms <= RANK.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_import_points_up(file: Path) -> None:
    module = ".".join(("collm", *file.relative_to(ROOT).with_suffix("").parts))
    rank = RANK[room_of(module)]
    assert not {name for name in imports_of(file) if RANK[room_of(name)] > rank}


def test_few_modules_lie_loose() -> None:
    assert len([file for file in ROOT.glob("*.py") if file.name != "__init__.py"]) <= 8


COMMAND = """
import sys
from collm.cli.app import main
sys.argv = ["collm", {}]
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize(
    "code",
    [
        "import collm.runs",
        "import collm.runs.records, collm.runs.files, collm.runs.summary",
        "import collm.runs.folder",
        "import collm.config.recipes, collm.env, collm.contract.held, collm.rollout",
        "import collm.placement.worker, collm.placement.grading, collm.sweep.cell_host",
        "from collm.config.recipes import load_recipe\nload_recipe('demo')",
        COMMAND.format("'--help'"),
        COMMAND.format("'recipes'"),
        COMMAND.format("'train', 'demo', 'training.epoch=1'"),
        COMMAND.format("'train', 'no-such-recipe'"),
        COMMAND.format("'score', 'no_such_environment'"),
    ],
)
def test_torch_stays_out(code: str) -> None:
    check = "\nimport sys\nassert not {'torch', 'transformers'} & sys.modules.keys()\n"
    ended = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
