from __future__ import annotations

import re
from pathlib import Path

import pytest

from collm.cli.docs import pages
from tests.commands import Command, run_command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def collm(capfd: pytest.CaptureFixture[str]) -> Command:
    return lambda *arguments: run_command(arguments, capfd)


def test_every_page_is_listed_and_printed(collm: Command) -> None:
    listed = dict(line.split("  ", 1) for line in collm("docs").out.splitlines())
    expected = {file.stem: file.read_text() for file in (ROOT / "docs").glob("*.md")}
    assert {name.strip() for name in listed} == set(expected) == set(pages())
    assert collm("docs", "recipes").out == expected["recipes"]


def test_an_unknown_page_is_refused(collm: Command) -> None:
    finished = collm("docs", "recipe")
    assert finished.code == 2
    assert "no such page" in finished.err


def test_errors_name_pages_that_are_there() -> None:
    sources = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    cited = set(re.findall(r"collm docs ([a-z-]+)", sources))
    assert cited == {"housebuild", "coding", "sandbox"}
    assert cited <= set(pages())
