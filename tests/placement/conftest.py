"""Tests on a real Ray cluster run when they are asked for: they start a dozen processes."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "COLLM_TEST_RAY" not in os.environ:
        skipped = pytest.mark.skip(reason="needs a Ray cluster: make test-ray")
        for item in items:
            if item.get_closest_marker("ray"):
                item.add_marker(skipped)
