"""What the wheel takes along."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_no_source_is_ignored() -> None:
    """The builder of the wheel leaves out what ``.gitignore`` names, such as a room called like an output."""
    sources = [str(path) for path in (ROOT / "src").rglob("*.*") if "__pycache__" not in path.parts]
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, input="\n".join(sources), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if done.returncode == 128:
        pytest.skip("this is no checkout")
    assert done.stdout == ""
