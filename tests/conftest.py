"""Settings that all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's client is imported: no test waits for a network

# A busy machine is no failure; what failed once fails again. To search further: HYPOTHESIS_PROFILE=explore
settings.register_profile("collm", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "collm"))

pytest_plugins = ["tests.placement.clusters", "tests.tiny_agents", "tests.tiny_runs"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on a real Ray cluster run when they are asked for: they start a dozen processes."""
    if "COLLM_TEST_RAY" not in os.environ:
        skipped = pytest.mark.skip(reason="needs a Ray cluster: make test-ray")
        for item in items:
            if item.get_closest_marker("ray"):
                item.add_marker(skipped)
