"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's client is imported: no test waits for a network

# A busy machine is no failure; what failed once fails again. To search further: HYPOTHESIS_PROFILE=explore
settings.register_profile("collm", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "collm"))

pytest_plugins = ["tests.tiny_agents", "tests.tiny_runs"]
