"""Tiny runs: two letter models that learn a probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from collm.config.merging import merged
from collm.config.tree import RunConfig, make_config
from tests.checkpoints import save_letters

Recipe = Callable[..., RunConfig]

SPOKEN = "01?!AB\n"


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return recipe_in(tmp_path_factory.mktemp("models"))


def recipe_in(root: Path) -> Recipe:
    """Make a checked configuration from the standard one and some sections that differ.

    Args:
        root: an empty folder, for its models.
    """
    for seed, name in enumerate(("a", "b")):
        save_letters(root / name, SPOKEN, seed)
    save_letters(root / "critic", "[a observation]\n[b action]\n" + SPOKEN, seed=2)
    optimization = {"learning_rate": 1e-2}
    standard: dict[str, Any] = {
        "seed": 3,
        "env": {"type": "probe_credit"},
        "algorithm": {"type": "collm_cc"},
        "agents": {
            "*": {"device": "cpu", "sampling": {"max_tokens": 2}, "optimization": optimization},
            "a": {"model": str(root / "a")},
            "b": {"model": str(root / "b")},
        },
        "critic": {"model": str(root / "critic"), "device": "cpu", "optimization": optimization},
        "training": {"epochs": 3, "tasks_per_update": 2, "threads": 1, "checkpoint_every": 2},
        "evaluation": {"tasks": 2},
    }

    def make(**sections: Mapping[str, Any] | None) -> RunConfig:
        values = merged(standard, {key: value for key, value in sections.items() if value is not None})
        for key in [key for key, value in sections.items() if value is None]:
            del values[key]
        return make_config(values, "recipe")

    return make
