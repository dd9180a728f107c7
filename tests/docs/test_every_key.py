"""The page on recipes says that it has every key; it is held to that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from collm.agents.config import AgentConfig, CriticConfig
from collm.config.placement import EngineShare, GraderShare, LearnerShare, RayPlacement
from collm.config.tree import EvaluationConfig, RunConfig, TrackingConfig, TrainingConfig
from collm.models.config import Optimization, Sampling

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"


def shown() -> dict[str, Any]:
    """The recipe below the heading ``Every key``."""
    section = PAGE.read_text(encoding="utf-8").split("## Every key")[1]
    block = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert block is not None
    recipe: dict[str, Any] = yaml.safe_load(block[1])
    return recipe


def agent() -> Mapping[str, Any]:
    """The one agent that is written out."""
    return max(shown()["agents"].values(), key=len)


@pytest.mark.parametrize(
    ("keys", "model"),
    [
        (shown(), RunConfig),
        (agent(), AgentConfig),
        (agent()["sampling"], Sampling),
        (agent()["optimization"], Optimization),
        (shown()["critic"], CriticConfig),
        (shown()["training"], TrainingConfig),
        (shown()["evaluation"], EvaluationConfig),
        (shown()["tracking"], TrackingConfig),
        (shown()["placement"], RayPlacement),
        (shown()["placement"]["learners"], LearnerShare),
        (shown()["placement"]["engines"], EngineShare),
        (shown()["placement"]["graders"], GraderShare),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_page_has_every_key_and_no_other(keys: Mapping[str, Any], model: Any) -> None:
    assert set(keys) == set(model.model_fields)
