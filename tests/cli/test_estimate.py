from __future__ import annotations

from typer.testing import CliRunner

from collm.cli.app import app


def test_a_recipe_is_judged_for_a_device() -> None:
    found = CliRunner().invoke(app, ["estimate", "demo_magrpo", "--gpu", "24"])
    assert found.exit_code == 0, found.output
    assert "auto: fits 24 GiB" in found.output
    assert "update of agent player_1" in found.output
