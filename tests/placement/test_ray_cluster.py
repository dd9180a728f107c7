from __future__ import annotations

from typing import Any

import pytest

from collm.config.placement import RayPlacement
from collm.placement import ray_cluster


class Noted:
    """Stands where Ray is, and notes how it is opened."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.options = options

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 64.0}


@pytest.mark.parametrize(("address", "asked"), [(None, "local"), ("auto", "auto")])
def test_without_an_address_a_cluster_starts_even_where_another_runs(
    monkeypatch: pytest.MonkeyPatch, address: str | None, asked: str
) -> None:
    ray = Noted()
    monkeypatch.setattr(ray_cluster, "optional_module", lambda *names: ray)
    assert ray_cluster.join(RayPlacement(type="ray", address=address), [])
    assert ray.options["address"] == asked
