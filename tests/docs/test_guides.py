"""The examples of the guides to the building environments and the adapters work as printed."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

from collm.env import make_env
from collm.envs.minecraft.blueprint import parse_blueprint

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = ("housebuild", "strbuild", "adapters")
EXTRAS = ("mcschematic", "pettingzoo", "gymnasium", "textarena")


def blocks(guide: str, language: str) -> list[str]:
    text = (DOCS / f"{guide}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def numbered(language: str) -> list[tuple[str, int]]:
    return [(guide, index) for guide in GUIDES for index in range(len(blocks(guide, language)))]


@pytest.mark.parametrize(("guide", "index"), numbered("python"))
def test_python_examples_run(guide: str, index: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(guide, "python")[index]
    for extra in EXTRAS:
        needed = {"mcschematic": "schematic"}.get(extra, extra)
        if needed in code and importlib.util.find_spec(extra) is None:
            pytest.skip(f"{extra} is not installed")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"{guide}.md", "exec"), {})


@pytest.mark.parametrize(("guide", "index"), numbered("yaml"))
def test_yaml_examples_are_valid(guide: str, index: int) -> None:
    config = yaml.safe_load(blocks(guide, "yaml")[index])
    assert make_env(config["env"]).type == guide


def test_the_example_row_fits_the_schema() -> None:
    (row,) = blocks("housebuild", "json")
    house = parse_blueprint(json.loads(row), "the example")
    assert (house.size, house.origin) == ((3, 2, 3), (0, 64, 0))


@pytest.mark.parametrize("guide", GUIDES)
def test_plays_to_score_are_json_lines(guide: str) -> None:
    for block in blocks(guide, "bash"):
        (play,) = re.findall(r"<<'END'\n(.*?)\nEND", block, re.DOTALL)
        env = make_env({"type": guide})
        row = json.loads(play)
        env.step(env.reset(env.parse_task(row["task"], "the play"), 0), row["turns"][0])
