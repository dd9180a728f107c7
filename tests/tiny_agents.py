"""Tiny checkpoints on disk and agents made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.critic import Critic
from collm.base.validation import validated
from tests.checkpoints import save_qwen2, save_qwen3

MakeAgent = Callable[..., Agent]


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen3(tmp_path_factory.mktemp("qwen3"))


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="session", params=["qwen3", "qwen2"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Each tiny checkpoint in turn."""
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def make_agent(qwen3: Path) -> MakeAgent:
    """Build an agent on the CPU from settings; sampling settings go by their own names."""

    def make(model: Path = qwen3, weights: Path | None = None, **settings: Any) -> Agent:
        sampling = {"max_tokens": 12}
        for name in ("temperature", "top_p", "top_k", "max_tokens"):
            if name in settings:
                sampling[name] = settings.pop(name)
        values = {"model": str(model), "device": "cpu", "sampling": sampling, **settings}
        return Agent(validated(AgentConfig, values, "agent"), "one", weights)

    return make


def model_of(role: Agent | Critic) -> Any:
    """The torch module behind an agent or a critic, which has full weights of its own."""
    weights = role.learner.weights if isinstance(role, Agent) else role.weights
    with weights.model() as model:
        return model
