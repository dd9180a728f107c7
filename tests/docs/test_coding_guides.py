"""The examples of the guides to coding and to the sandbox work as printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from collm.contract.plays import score_plays
from collm.env import make_env
from collm.envs.coding.problem import parse_problem
from collm.sandbox.inside.limits import Limits

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(guide: str, language: str) -> list[str]:
    text = (DOCS / f"{guide}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(("guide", "index"), [("coding", 0), ("coding", 1), ("sandbox", 0)])
def test_python_examples_run(guide: str, index: int) -> None:
    exec(compile(blocks(guide, "python")[index], f"{guide}.md", "exec"), {})


def test_the_yaml_example_is_valid() -> None:
    (example,) = blocks("coding", "yaml")
    assert make_env(yaml.safe_load(example)["env"]).type == "coding"


def test_the_example_row_fits_the_schema() -> None:
    (row,) = blocks("coding", "json")
    assert parse_problem(json.loads(row), "the example").entry_point == "double"


def test_the_example_play_earns_the_best_reward() -> None:
    (block,) = blocks("coding", "bash")
    (play,) = re.findall(r"<<'END'\n(.*?)\nEND", block, re.DOTALL)
    (score,) = score_plays(make_env({"type": "coding"}), [play])
    assert (score["raw_reward"], score["terminated"]) == (4.0, True)


def test_the_limits_in_the_guide_are_the_defaults() -> None:
    text, limits = (DOCS / "sandbox.md").read_text(encoding="utf-8"), Limits()
    for name in ("test_seconds", "total_seconds", "memory_mb", "file_kb", "open_files", "max_breaks"):
        assert re.search(rf"`{name}`[ ,(]+{getattr(limits, name):g}\b", text), name
