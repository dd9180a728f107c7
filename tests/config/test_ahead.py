"""Collecting ahead is refused where it could not be right, in one line that names the mend."""

from __future__ import annotations

from typing import Any

import pytest

from collm.errors import CollmError
from tests.tiny_runs import Recipe

AHEAD = {"collect_ahead": True}


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({}, "nothing bounds the importance weights .* set algorithm.ratio_cap, such as 2"),
        (
            {"algorithm": {"ratio_cap": 2.0}, "agents": {"b": {"engine": {"type": "vllm"}}}},
            "the engine vllm of b takes the newest weights .* agents.b.engine.type to in_process",
        ),
        (
            {"algorithm": {"ratio_cap": 2.0}, "placement": {"type": "ray"}},
            "placed elsewhere take the newest weights .* placement.type to local",
        ),
        (
            {
                "algorithm": {"type": "madpo"},
                "critic": None,
                "training": {**AHEAD, "saved": "runs/earlier"},
            },
            "nothing is collected where training.saved is learned from",
        ),
    ],
    ids=["unbounded", "vllm", "ray", "saved"],
)
def test_what_cannot_be_is_refused(recipe: Recipe, sections: dict[str, Any], told: str) -> None:
    with pytest.raises(CollmError, match=told) as found:
        recipe(**{"training": AHEAD, **sections})
    assert "training.collect_ahead" in str(found.value)


@pytest.mark.parametrize(
    "algorithm",
    [
        {"type": "mappo"},
        {"ratio_clip": 0.2},
        {"ratio_cap": 2.0},
        {"type": "learned_reward", "ratio_cap": 2.0},
    ],
    ids=lambda keys: "_".join(map(str, keys.values())),
)
def test_what_bounds_its_ratios_is_taken(recipe: Recipe, algorithm: dict[str, Any]) -> None:
    assert recipe(training=AHEAD, algorithm=algorithm).training.collect_ahead


@pytest.mark.parametrize("kind", ["madpo", "reward_model"])
def test_what_learns_from_anybodys_play_needs_no_bound(recipe: Recipe, kind: str) -> None:
    critic: dict[str, Any] | None = None if kind == "madpo" else {}
    assert recipe(training=AHEAD, algorithm={"type": kind}, critic=critic).training.collect_ahead


def test_a_cap_beside_a_clip_is_refused(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match="ratio_cap does nothing beside ratio_clip"):
        recipe(algorithm={"type": "mappo", "ratio_cap": 2.0})


def test_a_cap_without_ratios_is_refused(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match="ratio_cap does nothing for the algorithm madpo"):
        recipe(algorithm={"type": "madpo", "ratio_cap": 2.0}, critic=None)
