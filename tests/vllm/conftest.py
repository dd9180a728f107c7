"""Models that vLLM serves: heads of 32 numbers at least. ``make test-vllm`` runs these tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.base.validation import validated
from collm.models.backbone import Backbones
from tests.checkpoints import save_letters, save_qwen3

ABSENT = importlib.util.find_spec("vllm") is None

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # a test does not take a core for itself

ENGINE = {"type": "vllm", "enforce_eager": True}

Open = Callable[..., Agent]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="vLLM is not installed; make test-vllm has an environment for it")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            if ABSENT:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen3 with hidden size 64 and heads of 32."""
    return save_qwen3(tmp_path_factory.mktemp("wide"), width=64)


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for probes, of letters alone, with heads of 32."""
    return save_letters(
        tmp_path_factory.mktemp("letters"), "[ab observation]\n[action]01?!AB\n", width=64, scale=0.3
    )


@pytest.fixture(scope="session")
def open_agent(wide: Path) -> Open:
    """Open an agent on the CPU; agents with the same ``bases`` may share a vLLM."""

    def make(bases: Backbones | None = None, name: str = "one", **settings: Any) -> Agent:
        given = {
            "model": str(wide),
            "device": "cpu",
            "context": 500,
            "sampling": {"max_tokens": 12},
            "optimization": {"learning_rate": 1e-2},
            "engine": ENGINE,
            **settings,
        }
        return Agent(validated(AgentConfig, given, name), name, None, 0, bases)

    return make
