"""Every ``collm`` command on every page is one, with settings that fit; what takes no time is run."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from collm.cli.app import app
from collm.cli.arguments import split_off
from collm.cli.scaffold import new_environment, new_task
from collm.cli.score import _environment
from collm.config.recipes import find, load_recipe
from collm.config.tree import make_config
from tests.commands import OWN_MODULES, own_modules, run_command
from tests.docs.pages import PAGES, Typed, blocks, mentioned, typed

RUN = ("README", "evaluate", "recipes", "train", "housebuild", "strbuild", "writing", "coding", "own-task")
"""Pages whose cheap commands run: all that need neither the hub nor a trained team."""


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with the files of their own that the pages' readers have."""
    (tmp_path / "my_recipe.yaml").write_text(find("demo").read_text(encoding="utf-8"))
    (tmp_path / "reinforce.py").write_text(blocks("architecture", "python")[0])
    new_environment("my_game", tmp_path)
    new_task("my_task", tmp_path)
    monkeypatch.chdir(tmp_path)
    with own_modules():
        yield


def command_of(words: list[str]) -> Any:
    """The command that the first words name, which are taken away; groups may hold groups."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"collm has no command {words[0]}"
        command = command.commands[words.pop(0)]
    return command


def parsed(command: Typed) -> Any:
    """The command's arguments, read by the command line itself."""
    words = list(command.arguments)
    found = command_of(words)
    return found.make_context(found.name, words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_fit_the_command_line(page: str, reader: None) -> None:
    for command in typed(page):
        context = parsed(command)
        overrides = context.params.get("overrides") or []
        if context.info_name == "train":
            load_recipe(context.params["recipe"], overrides)
        elif context.info_name == "eval":
            place = context.params["folder"]
            _, others = split_off(context.params["protocol"], overrides)
            load_recipe("demo" if place.startswith("runs/") else place, others, learns=False)
        elif context.info_name == "score":
            _environment(context.params["env"], overrides)
    for command in mentioned(page):
        command_of(list(command.arguments))


def cheap(command: Typed) -> bool:
    score = command.arguments[0] == "score" and command.stdin is not None
    return score or command.arguments[0] == "recipes" or "--dry-run" in command.arguments


@pytest.mark.parametrize("page", RUN)
def test_commands_that_take_no_time_run(page: str, reader: None, capfd: pytest.CaptureFixture[str]) -> None:
    commands = [command for command in typed(page) if cheap(command)]
    assert commands
    for command in commands:
        finished = run_command(command.arguments, capfd, (command.stdin or "").encode())
        assert finished.code == 0, (str(command), finished.err)
        assert finished.out


def test_the_recipe_with_every_key_is_one() -> None:
    (recipe,) = blocks("recipes", "yaml")
    make_config(yaml.safe_load(recipe), "recipes.md")


@pytest.mark.parametrize("page", PAGES)
def test_what_the_examples_import_is_there(page: str, reader: None) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("collm"):
                module = importlib.import_module(str(node.module))
                assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


def test_commands_are_found_in_shell_blocks() -> None:
    assert Typed(("recipes",)) in typed("README")
    scored = [command for command in typed("evaluate") if command.arguments[0] == "score"]
    assert [command.stdin is None for command in scored] == [False]
    seeds = [str(command) for command in typed("train") if "seed=1" in command.arguments]
    assert seeds[0] == "train demo seed=1 training.max_updates=3 --out runs/cc-1"
    assert {command.arguments[0] for page in PAGES for command in typed(page)} >= {"train", "eval", "plot"}
    assert "reinforce" in OWN_MODULES


@pytest.mark.parametrize(
    ("typo", "said"),
    [
        ("trian demo", "no command trian"),
        ("new game mine", "no command game"),
        ("train demo --dryrun", "No such option"),
        ("train", "Missing"),
    ],
)
def test_a_slip_in_a_command_is_seen(typo: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        parsed(Typed(tuple(typo.split())))
