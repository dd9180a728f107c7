"""A separately installed package adds an environment and an algorithm; a team trains with both."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import collm
from collm.config.recipes import load_recipe
from collm.config.tree import make_config, plain
from tests.commands import own_modules
from tests.installed_packages import install

EXAMPLES = Path(__file__).parents[1] / "examples"
ALGORITHM = """

from collm.algorithms.magrpo import MAGRPO


class Doubled(MAGRPO):
    type: Literal["doubled"] = "doubled"

    def advantages(self, tree, agent, predictions):
        return 2 * super().advantages(tree, agent, predictions)
"""
POINTS = {
    "collm.environments:guessing": "their_games:Guess",
    "collm.algorithms:doubled": "their_games:Doubled",
}
OVERRIDES = [
    "env.type=guessing",
    "algorithm={type: doubled}",
    "critic=null",
    "training.max_updates=1",
    "training.tasks_per_update=2",
    "evaluation.tasks=1",
]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    code = (EXAMPLES / "own_environment.py").read_text()
    install(folder, "their-games", "their_games", code + ALGORITHM, POINTS)
    monkeypatch.chdir(tmp_path)
    with own_modules():
        monkeypatch.syspath_prepend(str(folder))
        yield
    sys.modules.pop("their_games", None)


@pytest.mark.usefixtures("installed")
def test_a_team_trains_with_them(tmp_path: Path) -> None:
    result = collm.train(EXAMPLES / "own_environment.yaml", tmp_path / "run", OVERRIDES)
    assert result.summary["finished"]
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text())["episodes"] > 0


@pytest.mark.usefixtures("installed")
def test_the_resolved_configuration_is_read_back() -> None:
    config = load_recipe(str(EXAMPLES / "own_environment.yaml"), OVERRIDES)
    resolved = plain(config)
    assert (config.env.type, resolved["env"]["type"]) == ("guess", "their_games:Guess")
    assert (config.algorithm.type, resolved["algorithm"]["type"]) == ("doubled", "their_games:Doubled")
    assert make_config(resolved, "config.yaml") == config
