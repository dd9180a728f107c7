"""``collm export``: each option belongs to what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collm.cli.app import app
from collm.errors import CollmError


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--repo", "ann/team"], "--repo: does nothing for --to builds"),
        (["--to", "folder", "--private"], "--private: does nothing for --to folder"),
        (["--to", "inspect", "--licence", "mit"], "--licence: does nothing for --to inspect.*--to folder or"),
        (["--to", "folder", "--episodes", "update-000001"], "--episodes: does nothing"),
        (["--to", "hub", "--repo", "ann/team", "--out", "team"], "--out: does nothing for --to hub"),
        (["--to", "hub"], "--repo: the repository is missing"),
        (["--to", "inspect"], "there is no such folder"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(CollmError, match=problem):
        CliRunner().invoke(app, ["export", str(tmp_path / "run"), *arguments], catch_exceptions=False)
