"""Every method can be trained in every domain by what the command line lists."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from collm.algorithms.base import algorithms
from collm.cli.app import app
from collm.config.methods import Way, ways
from collm.config.recipes import load_recipe

WAYS = list(ways())


def test_every_method_has_a_way_in_every_domain() -> None:
    domains = {"arxiv", "coding", "demo", "housebuild", "strbuild", "tldr"}
    assert {(way.domain, way.method) for way in WAYS} == {
        (domain, name) for domain in domains for name in algorithms()
    }


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.domain}-{way.method}")
def test_a_way_makes_a_recipe_of_its_method(way: Way) -> None:
    assert load_recipe(way.recipe, way.overrides).algorithm.type == way.method


def test_the_command_lists_them() -> None:
    told = CliRunner().invoke(app, ["recipes", "--methods"])
    assert told.exit_code == 0
    assert "collm train tldr/collm_cc algorithm.type=qmix" in told.stdout
    assert "collm train coding/magrpo algorithm.type=rloo" in told.stdout
    assert "collm train housebuild/collm_dc\n" in told.stdout
