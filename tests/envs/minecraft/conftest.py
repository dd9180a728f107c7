"""Targets that several test files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collm.data.rows import load_rows
from collm.envs.minecraft.blueprint import Blueprint, parse_blueprint

DATASET = Path(__file__).resolve().parents[4] / "shared" / "data" / "housebuild.json"

HUT: dict[str, Any] = {
    "task_id": "hut",
    "inventory": {"W": "oak_planks", "S": "stone", "A": "air"},
    "target_spec": {
        "type": "y_layers",
        "size": [3, 2, 3],
        "layers": [{"y": 0, "rows": ["WWW", "WWW", "WWW"]}, {"y": 1, "rows": ["SAS", "SAS", "SSS"]}],
    },
    "bbox": None,
}


@pytest.fixture
def hut_row() -> dict[str, Any]:
    """A hut of 3 x 2 x 3: nine planks, seven stones, two cells of air."""
    return {**HUT, "target_spec": dict(HUT["target_spec"])}


@pytest.fixture
def hut() -> Blueprint:
    return parse_blueprint(HUT, "hut")


@pytest.fixture(scope="session")
def dataset_path() -> str:
    if not DATASET.is_file():
        pytest.skip("the HouseBuild dataset is not on this machine (../shared/data/housebuild.json)")
    return str(DATASET)


@pytest.fixture(scope="session")
def houses(dataset_path: str) -> dict[str, Blueprint]:
    """The paper's houses by the last four digits of their task id."""
    rows = load_rows(dataset_path, "dataset")
    return {row["task_id"][-4:]: parse_blueprint(row, "dataset") for row in rows}
